"""A session with one instance through Systems Manager: its key, and shells whose input and output are sealed."""

import re
import threading
from dataclasses import dataclass, field

from runbook_engine.connections import ssm_scripts as scripts
from runbook_engine.connections.shell import new_mark
from runbook_engine.connections.ssm_calls import SsmCalls
from runbook_engine.connections.ssm_seal import new_key, seal, unseal, wrapped
from runbook_engine.sdk import NoConnectionError, TargetUnreachableError

_PART = 30_000  # characters of a sealed input in one command; AWS allows about twice as many in all parameters
_SECONDS = 60.0
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_AT = 7  # the words of a report's first line


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a shell: its end, its exit status when known, bytes of both streams, and how many there are."""

    over: bool
    exit_status: int | None
    stdout: bytes
    stderr: bytes
    stdout_size: int
    stderr_size: int


@dataclass(slots=True)
class SsmSession:
    """Starts shells on one instance; safe to share between threads.

    Attributes:
        forgotten: tokens of detached commands whose folders can go, shared by all connections to the instance.
    """

    calls: SsmCalls
    forgotten: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _finished: list[str] = field(default_factory=list)
    _made: tuple[str, str, str] | None = None

    @property
    def name(self) -> str:
        """The target, for messages."""
        return self.calls.name

    def start(self, job: str, line: str, given: bytes, wait: float) -> Report:
        """Start a shell and wait a little for its end.

        Raises:
            NoConnectionError: the instance did not get it.
            TargetUnreachableError: nobody knows whether it was started.
        """
        session, key, lock = self._greeted()
        sealed_line, sealed = seal(line.encode("utf-8", "surrogateescape"), key), seal(given, key)
        parts = [sealed[at : at + _PART] for at in range(0, len(sealed), _PART)] if len(sealed) > _PART else []
        for number, part in enumerate(parts):
            if self.calls.run(scripts.put(session, job, number, part), _SECONDS).strip() == "lost":
                self._forget()
                raise NoConnectionError(f"{self.name}: the session's folder is gone; nothing was started")
        inline = "" if parts else sealed
        with self._lock:
            finished, self._finished = tuple(self._finished), []
        script = scripts.start(session, job, lock, sealed_line, inline, len(parts), int(wait * 10), finished)
        return self._read(self.calls.run(script, wait + _SECONDS), key)

    def look(self, job: str, stdout: int, stderr: int, wait: float) -> Report:
        """Tell what came of a shell's output behind those positions.

        Raises:
            TargetUnreachableError: no answer.
        """
        session, key, _ = self._greeted()
        script = scripts.look(session, job, stdout, stderr, int(wait * 10))
        return self._read(self.calls.run(script, wait + _SECONDS), key)

    def finish(self, job: str) -> None:
        """Take note that a shell was read to its end; its folder goes with the next start, or with the session's."""
        with self._lock:
            self._finished.append(job)

    def close(self) -> None:
        """Remove what the session left on the instance.

        Raises:
            TargetUnreachableError: it can't be reached; the folder goes with another session, a day later.
        """
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            self.calls.run(scripts.leave(made[0]), _SECONDS)

    def _greeted(self) -> tuple[str, str, str]:
        """Give the session's id, its key, and the key as only the instance can read it."""
        with self._lock:
            if self._made is None:
                session, key = new_mark(), new_key()
                public = self.calls.run(scripts.greet(session), _SECONDS)
                try:
                    self._made = (session, key, wrapped(key, public.encode()))
                except ValueError as error:
                    raise NoConnectionError(f"{self.name}: the instance gave no key: {error}") from error
            return self._made

    def _forget(self) -> None:
        with self._lock:
            self._made = None

    def _read(self, text: str, key: str) -> Report:
        head, _, body = text.partition("\n")
        words = head.split()
        if words == ["lost"]:
            self._forget()
            raise TargetUnreachableError(f"{self.name}: the shell's folder on the instance is gone")
        if len(words) != _AT or words[0] != "at" or not all(_NUMBER.fullmatch(word) for word in words[3:]):
            raise TargetUnreachableError(f"{self.name}: the instance's answer can't be read: {text[:100]!r}")
        over, status = words[1] == "1", words[2]
        out, err, got_out, got_err = map(int, words[3:])
        try:
            content = unseal(body.strip(), key)
        except ValueError as error:
            raise TargetUnreachableError(f"{self.name}: the instance's answer is damaged: {error}") from error
        stdout, stderr = content[:got_out], content[got_out:]
        if len(stderr) != got_err:
            raise TargetUnreachableError(f"{self.name}: the instance's answer is not whole")
        return Report(over, int(status) if _NUMBER.fullmatch(status) else None, stdout, stderr, out, err)
