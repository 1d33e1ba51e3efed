"""A host in memory: files, and commands whose answers are written down beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from runbook_engine.sdk import (
    Command,
    CommandResult,
    DetachedState,
    DetachedStatus,
    FileAccessError,
    FileStat,
    OnOutput,
    ReadOnlyError,
    Ready,
)


@dataclass(slots=True)
class FakeFile:
    """One file of the host; times are seconds since the epoch."""

    content: bytes = b""
    mode: int = 0o644
    modified: float = 0.0


Answer: TypeAlias = "CommandResult | Exception | Callable[[Command, FakeConnection], CommandResult]"


@dataclass(slots=True)
class _Host:
    """What every view of one host shares."""

    files: dict[str, FakeFile]
    folders: set[str]
    commands: dict[tuple[str, ...], Answer | list[Answer]]
    detached: dict[str, CommandResult] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)


class FakeConnection:
    """Implements the connection port.

    Args:
        files: content by absolute path; their folders are there as well.
        folders: more folders.
        commands: answer by argv: a result, an error to raise, a function (for commands that change files), or a list
            of these for one call after the other (the last stays). A command that is not listed is an error.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | str | FakeFile] | None = None,
        commands: Mapping[tuple[str, ...], Answer | Sequence[Answer]] | None = None,
        *,
        folders: Collection[str] = (),
    ) -> None:
        self._host = _Host({}, {"/", *folders}, {})
        self._allowed: frozenset[tuple[str, ...]] | None = None
        for path, content in (files or {}).items():
            self._host.files[path] = _file(content)
            self._host.folders.update(_parents(path))
        for argv, answer in (commands or {}).items():
            self._host.commands[argv] = list(answer) if isinstance(answer, Sequence) else answer

    @property
    def calls(self) -> list[str]:
        """Everything that was done, one line each: `run …`, `start …`, `write /path`."""
        return self._host.calls

    @property
    def files(self) -> dict[str, FakeFile]:
        """The host's files, to look at and to change."""
        return self._host.files

    def read_only(self, allowed: Collection[tuple[str, ...]]) -> FakeConnection:
        """Give a view of the same host that changes nothing and runs only these commands."""
        view = FakeConnection()
        view._host = self._host
        view._allowed = frozenset(allowed)
        return view

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Give content and mode of every file, to compare."""
        return {path: (file.content, file.mode) for path, file in self._host.files.items()}

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Answer a command."""
        del timeout
        if self._allowed is not None and command.argv not in self._allowed:
            raise ReadOnlyError(
                f"check may not run {' '.join(command.argv)}",
                hint="name the whole argv in probe_commands, if it only reads",
            )
        self._host.calls.append(f"run {' '.join(command.argv)}")
        return self._answer(command, on_output)

    def run_detached(
        self,
        command: Command,
        *,
        token: str,
        timeout: float,
        on_output: OnOutput | None = None,
        ready: Ready | None = None,
    ) -> CommandResult:
        """Answer a command; the same token gets the same answer and runs nothing."""
        del timeout
        if ready is not None:
            ready()
        self._refuse(f"start {' '.join(command.argv)}")
        if token in self._host.detached:
            earlier = self._host.detached[token]
            return CommandResult(earlier.exit_status, earlier.stdout, earlier.stderr, reattached=True)
        self._host.calls.append(f"start {' '.join(command.argv)}")
        self._host.detached[token] = self._answer(command, on_output)
        return self._host.detached[token]

    def probe_detached(self, token: str) -> DetachedState:
        """Tell whether the token was used."""
        if token not in self._host.detached:
            return DetachedState(DetachedStatus.ABSENT)
        return DetachedState(DetachedStatus.DONE, self._host.detached[token].exit_status)

    def forget_detached(self, token: str) -> None:
        """Forget the token."""
        self._host.detached.pop(token, None)

    def stat(self, path: str) -> FileStat | None:
        """Describe a path."""
        if path in self._host.folders:
            return FileStat("directory", 0, 0o755, 0.0)
        file = self._host.files.get(path)
        return None if file is None else FileStat("file", len(file.content), file.mode, file.modified)

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file."""
        file = self._host.files.get(path)
        if file is None:
            raise FileAccessError(f"{path} is not there")
        if len(file.content) > limit:
            raise FileAccessError(f"{path} is longer than {limit} bytes")
        return file.content

    def sha256(self, path: str) -> str | None:
        """Hash a file."""
        file = self._host.files.get(path)
        return None if file is None else hashlib.sha256(file.content).hexdigest()

    def listdir(self, path: str) -> tuple[str, ...]:
        """List a folder."""
        start = path.rstrip("/") + "/"
        inside = [name for name in (*self._host.files, *self._host.folders) if name.startswith(start) and name != start]
        return tuple(sorted({name.removeprefix(start).split("/")[0] for name in inside}))

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file; its folder must be there."""
        self._change(f"write {path}")
        if (path.rpartition("/")[0] or "/") not in self._host.folders:
            raise FileAccessError(f"the folder of {path} is not there")
        self._host.files[path] = FakeFile(content, 0o644 if mode is None else mode)

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder."""
        del mode
        if path.rstrip("/") in self._host.folders:
            return
        self._change(f"make {path}")
        self._host.folders.update({path.rstrip("/"), *_parents(path)})

    def set_mode(self, path: str, mode: int) -> None:
        """Set permission bits."""
        self._change(f"chmod {mode:04o} {path}")
        self._host.files[path].mode = mode

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._change(f"remove {path}")
        self._host.files.pop(path, None)

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, command: Command, on_output: OnOutput | None) -> CommandResult:
        answer = self._host.commands.get(command.argv)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            message = f"the fake host has no answer for {command.argv}; list it in `commands`"
            raise AssertionError(message)
        if isinstance(answer, Exception):
            raise answer
        result = answer if isinstance(answer, CommandResult) else answer(command, self)
        streams: tuple[tuple[Literal["stdout", "stderr"], bytes], ...] = (
            ("stdout", result.stdout),
            ("stderr", result.stderr),
        )
        for stream, data in streams:
            if on_output is not None and data:
                on_output(stream, data)
        return result

    def _change(self, what: str) -> None:
        self._refuse(what)
        self._host.calls.append(what)

    def _refuse(self, what: str) -> None:
        if self._allowed is not None:
            raise ReadOnlyError(f"check may not {what}: its hands are read-only")


def _file(content: bytes | str | FakeFile) -> FakeFile:
    if isinstance(content, FakeFile):
        return content
    return FakeFile(content.encode() if isinstance(content, str) else content)


def _parents(path: str) -> set[str]:
    parts = path.split("/")[1:-1]
    return {"/" + "/".join(parts[:count]) for count in range(len(parts) + 1)}
