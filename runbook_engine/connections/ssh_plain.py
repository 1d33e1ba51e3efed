"""A plain command that a resident Perl runs: its pieces read, both streams kept within their caps, its end seen."""

import time
from typing import TYPE_CHECKING

from runbook_engine.connections.capture import Capture
from runbook_engine.sdk import OnOutput, RunbookError, TargetUnreachableError

if TYPE_CHECKING:
    from runbook_engine.connections.ssh_resident import ResidentShell

GIVEN_AT_MOST = 65536
"""Bytes of input that go along with a command; Perl holds them in memory before it begins."""

_LINE = 4096


class PlainProcess:
    """What a resident shell tells of a plain command.

    Attributes:
        session: the command's session on the target, None before it began.
        exit_status: None before its end.
    """

    def __init__(self, shell: "ResidentShell", nonce: str, what: str, keep: int) -> None:
        self.stdout, self.stderr = Capture(keep), Capture(keep)
        self.session: int | None = None
        self.exit_status: int | None = None
        self._shell, self._nonce, self._what = shell, nonce.encode(), what
        self._line = b""
        self._stream = b""
        self._left = 0
        self._clean = False
        self._closed = False

    def pump(self, seconds: float, on_output: OnOutput | None = None) -> bool:
        """Take what comes until the command's end; false when the time is over before.

        Raises:
            TargetUnreachableError: the connection was lost, or the shell ended; what the command does is unknown.
            RunbookError: the target refused to start it; nothing ran.
        """
        until = time.monotonic() + seconds
        while self.exit_status is None:
            data = self._shell.receive(until)
            if data is None:
                return False
            if not data:
                raise self._lost()
            self._take(data, on_output)
        return True

    def close(self) -> None:
        """Give the shell back; before the command's end let it go, and the target hears that nobody listens."""
        if not self._closed:
            self._closed = True
            self._shell.give_back(clean=self._clean)

    def _take(self, data: bytes, on_output: OnOutput | None) -> None:
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                (self.stdout if self._stream == b"o" else self.stderr).add(piece)
                if on_output is not None:
                    on_output("stdout" if self._stream == b"o" else "stderr", piece)
                continue
            line, found, data = (self._line + data).partition(b"\n")
            self._line = b"" if found else line
            if found:
                self._read(line, behind=data)
            elif len(line) > _LINE:
                raise self._nonsense(line)

    def _read(self, line: bytes, *, behind: bytes) -> None:
        kind, _, words = line.partition(b" ")
        number, _, nonce = words.partition(b" ")
        if kind == b"r" and number == self._nonce:
            self._clean = not behind
            raise RunbookError(f"the target refused to start the command: {nonce.decode('utf-8', 'replace')}")
        if not number.isdigit() or self.exit_status is not None:
            raise self._nonsense(line)
        if kind in (b"o", b"e") and self.session is not None:
            self._stream, self._left = kind, int(number)
        elif kind == b"b" and nonce == self._nonce:
            self.session = int(number)
        elif kind == b"x" and nonce == self._nonce:
            self.exit_status, self._clean = int(number), not behind
        else:
            raise self._nonsense(line)

    def _lost(self) -> TargetUnreachableError:
        what = self._shell.cut_off or f"the shell that ran {self._what} was ended"
        return TargetUnreachableError(f"{self._shell.name}: {what}", hint="what the command does now is unknown")

    def _nonsense(self, line: bytes) -> TargetUnreachableError:
        return TargetUnreachableError(
            f"{self._shell.name}: the shell that ran {self._what} said what it never says: {line[:80]!r}",
            hint="what the command does now is unknown",
        )
