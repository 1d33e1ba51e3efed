"""Processes of this machine: sessions of their own, capped capture, bounded waiting, and kills that are proven."""

import contextlib
import os
import pwd
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal

from runbook_engine.connections.capture import Capture, StopWatch
from runbook_engine.sdk import OnOutput

_PIECE = 65536
_GRACE = 2.0
_PROOF = 5.0
_POLL = 0.02


class LocalProcess:
    """A child in its own session; see `Process` for what its methods mean.

    Args:
        mark: a variable (`NAME=value`) for its environment, by which `kill` finds what left its session; None for no
            such search.
        withheld: variables of ours that it does not inherit.

    Raises:
        OSError: it can't be started.
    """

    def __init__(
        self,
        argv: tuple[str, ...],
        given: bytes,
        *,
        keep: int,
        cwd: str | None = None,
        environment: Mapping[str, str] | None = None,
        mark: str | None = None,
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        self.stdout = Capture(keep)
        self.stderr = Capture(keep)
        self.exit_status: int | None = None
        self.gone = False
        self._mark = mark
        self._given = memoryview(given)
        self._child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={
                **_home(),
                **{name: value for name, value in os.environ.items() if name not in withheld},
                **(environment or {}),
                **dict([mark.split("=", 1)] if mark else []),
            },
            start_new_session=True,
            close_fds=True,
            bufsize=0,
        )
        self._selector = selectors.DefaultSelector()
        self._watch(self._child.stdout, selectors.EVENT_READ, "stdout")
        self._watch(self._child.stderr, selectors.EVENT_READ, "stderr")
        self._watch(self._child.stdin, selectors.EVENT_WRITE, "stdin")
        self._drain_until: float | None = None

    @property
    def session(self) -> int:
        """The session's number, which is the child's pid."""
        return self._child.pid

    def pump(
        self, seconds: float, *, stop: bytes | None = None, on_output: OnOutput | None = None, drain: float = 1.0
    ) -> bool:
        """Move bytes; after the child's end at most `drain` seconds more, since its children may hold the pipes."""
        watch = StopWatch(stop) if stop is not None else None
        if watch is not None:
            watch.add(self.stdout.content())
        until = time.monotonic() + seconds
        while not (watch is not None and watch.seen):
            now = time.monotonic()
            if self._poll() and self._drain_until is None:
                self._drain_until = now + drain
            if self._drain_until is not None and (not self._reading() or now >= self._drain_until):
                return True
            if now >= until:
                return False
            self._step(min(until - now, self._nap()), watch, on_output)
        return True

    def _nap(self) -> float:
        if self._reading() and self.exit_status is None:
            return 0.05
        return _POLL

    def _poll(self) -> bool:
        if self.exit_status is None and (status := self._child.poll()) is not None:
            self.exit_status = status if status >= 0 else 128 - status
        return self.exit_status is not None

    def _reading(self) -> bool:
        return any(key.data != "stdin" for key in self._selector.get_map().values())

    def _step(self, seconds: float, watch: StopWatch | None, on_output: OnOutput | None) -> None:
        if not self._selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(seconds)
            return
        for key, _ in self._selector.select(seconds):
            if key.data == "stdin":
                self._feed(key.fd)
                continue
            data = os.read(key.fd, _PIECE)
            if not data:
                self._unwatch(key.fd)
                continue
            (self.stdout if key.data == "stdout" else self.stderr).add(data)
            if watch is not None and key.data == "stdout":
                watch.add(data)
            if on_output is not None:
                on_output(key.data, data)

    def _feed(self, descriptor: int) -> None:
        try:
            self._given = self._given[os.write(descriptor, self._given[:_PIECE]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it did not want its input, which is its right
            self._given = self._given[:0]
        if not self._given and self._child.stdin is not None:
            self._unwatch(descriptor)
            self._child.stdin.close()

    def _watch(self, pipe: IO[bytes] | None, event: int, name: Literal["stdin", "stdout", "stderr"]) -> None:
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe.fileno(), event, name)

    def _unwatch(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def close(self) -> None:
        """Stop listening; the child may go on."""
        self._poll()
        self._selector.close()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._child.returncode is None:
            # Its end is nobody's concern here; the pid must not stay a zombie, nor warn as an abandoned child.
            _Reaper.add(self._child)

    def kill(self) -> bool:
        """End the session and what is marked, kindly, then by force.

        Returns:
            True when nothing of it lives.
        """
        for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _PROOF)):
            until = time.monotonic() + patience
            while alive := self._members():
                for pid in alive:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
                until_step = time.monotonic() + 0.1
                while time.monotonic() < until_step and self._members():
                    self._poll()
                    time.sleep(_POLL)
                if time.monotonic() >= until:
                    break
        return not self._members()

    def _members(self) -> list[int]:
        self._poll()
        return list({*session_members(self.session), *(marked(self._mark.encode()) if self._mark else ())})


class _Reaper:
    """Children that nobody listens to any more; each is waited for when the next one comes."""

    left: list[subprocess.Popen[bytes]] = []
    _alone = threading.Lock()  # many hosts' threads leave children at once, and none may be forgotten

    @classmethod
    def add(cls, child: subprocess.Popen[bytes]) -> None:
        with cls._alone:
            cls.left = [old for old in [*cls.left, child] if old.poll() is None]


def session_members(session: int) -> list[int]:
    """Give the living processes of a session (zombies don't count); without /proc those of its process group."""
    if not Path("/proc/self/stat").exists():
        return _group_members(session)
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a Path for each of hundreds of processes costs more than the look
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123 - as above
                fields = file.read().rpartition(b") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if len(fields) > 3 and int(fields[3]) == session and fields[0] not in (b"Z", b"X"):  # noqa: PLR2004 - proc(5)
            found.append(int(entry))
    return found


def marked(mark: bytes) -> list[int]:
    """Give the living processes with a variable (`NAME=value`) in their environment, of those that we may look into."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):  # a zombie has none
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def _group_members(group: int) -> list[int]:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return []
    except PermissionError:
        return [group]
    return [group]


def _home() -> dict[str, str]:
    """Give HOME for a process that was started without one, as systemd and cron do; programs and shells want it."""
    try:
        return {} if "HOME" in os.environ else {"HOME": pwd.getpwuid(os.getuid()).pw_dir}
    except KeyError:
        return {}
