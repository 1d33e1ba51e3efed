"""A shell that stays on a host for the whole run: a command costs neither a session of sshd nor a login shell."""

import time
from typing import TYPE_CHECKING

import paramiko

from runbook_engine.connections.capture import Capture, StopWatch
from runbook_engine.connections.detached_answer import end_of
from runbook_engine.connections.detached_script import Place, forget_script
from runbook_engine.connections.resident_perl import perl_forget, perl_greeting, perl_script, perl_start
from runbook_engine.connections.resident_plain import plain_frame
from runbook_engine.connections.resident_script import resident_frame, resident_greeting, resident_start
from runbook_engine.connections.shell import new_mark
from runbook_engine.connections.ssh_plain import PlainProcess
from runbook_engine.sdk import Command, OnOutput, RunbookError, TargetUnreachableError

if TYPE_CHECKING:
    from runbook_engine.connections.ssh_pool import Link
    from runbook_engine.connections.ssh_residents import Residents
    from runbook_engine.connections.ssh_settings import Hop

_PIECE = 65536


class ResidentShell:
    """See `Resident`.

    Attributes:
        used: the monotonic time at which it last answered.
        perl: it is Perl, as it said itself.
        held: somebody has it.
    """

    def __init__(
        self, name: str, home: "Residents", route: "tuple[Hop, ...]", link: "Link", channel: paramiko.Channel
    ) -> None:
        self.name, self.route, self.link, self.channel = name, route, link, channel
        self.used = time.monotonic()
        self.perl = False
        self.held = True
        self._home = home

    @property
    def usable(self) -> bool:
        """Whether nothing tells that it ended."""
        channel = self.channel
        return not (
            channel.closed
            or channel.eof_received
            or channel.exit_status_ready()
            or channel.recv_ready()
            or not self.link.transport.is_active()
        )

    @property
    def cut_off(self) -> str:
        """What became of the connection; empty while it stands."""
        if self.link.transport.is_active():
            return ""
        return f"the connection was lost: {self.link.lost or 'connection closed'}"

    def receive(self, until: float) -> bytes | None:
        """Take the next piece; None when the monotonic time `until` comes before, empty when the shell has ended."""
        left = until - time.monotonic()
        if left <= 0:
            return None
        self.channel.settimeout(left)
        try:
            return self.channel.recv(_PIECE)
        except TimeoutError:
            return None

    def begin(self, place: Place, command: Command, forget: tuple[str, ...], *, keep: int) -> "ResidentProcess":
        """Start a command."""
        try:
            if self.perl:
                frame = perl_start(place, command, forget)
            else:
                frame = resident_start(place, command, forget, new_mark())
        except RunbookError:
            self.give_back(clean=True)
            raise
        return self._sent(frame, place.nonce, keep)

    def forget(self, place: Place, tokens: tuple[str, ...], *, keep: int) -> "ResidentProcess":
        """Remove folders."""
        if not self.perl:
            return self.start(forget_script(place, tokens).text, place.nonce, keep=keep)
        return self._sent(perl_forget(place, tokens), place.nonce, keep)

    def start(self, text: str, nonce: str, *, keep: int) -> "ResidentProcess":
        """Have it do a script."""
        return self._sent(perl_script(text) if self.perl else resident_frame(text, new_mark()), nonce, keep)

    def greet(self) -> "ResidentProcess":
        """Have it answer, and do nothing."""
        nonce = new_mark()
        frame = perl_greeting(nonce) if self.perl else resident_frame(resident_greeting(nonce), new_mark())
        return self._sent(frame, nonce, _PIECE)

    def plain(self, nonce: str, command: Command, what: str, *, keep: int) -> PlainProcess:
        """Run a command that is bound to the connection, its input included; Perl alone can.

        Args:
            what: its name for messages.

        Raises:
            RunbookError: it can't be given to a process.
            TargetUnreachableError: the command could not be sent; whether it was begun is unknown.
        """
        try:
            frame = plain_frame(nonce, command)
        except RunbookError:
            self.give_back(clean=True)
            raise
        self._send(frame)
        return PlainProcess(self, nonce, what, keep)

    def _sent(self, frame: bytes, nonce: str, keep: int) -> "ResidentProcess":
        self._send(frame)
        return ResidentProcess(self, nonce, keep)

    def _send(self, frame: bytes) -> None:
        try:
            self.channel.settimeout(self._home.send_seconds)
            self.channel.sendall(frame)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self.give_back(clean=False)
            raise TargetUnreachableError(
                f"{self.name}: the command could not be sent: {self.link.lost or error or 'connection closed'}",
                hint="whether it was started is unknown",
            ) from error

    def give_back(self, *, clean: bool) -> None:
        """Let the next one have it; when its last script's end was not seen, let it go."""
        self._home.give(self, clean=clean)


class ResidentProcess:
    """A script that a resident shell does; see `Process`. It has no exit status of its own."""

    def __init__(self, shell: ResidentShell, nonce: str, keep: int) -> None:
        self.stdout = Capture(keep)
        self.stderr = Capture(_PIECE)
        self.exit_status: int | None = None
        self.gone = False
        self._shell = shell
        self._end = StopWatch(end_of(nonce))
        self._closed = False

    @property
    def answered(self) -> bool:
        """Whether the script's end was seen."""
        return self._end.seen

    def pump(self, seconds: float, *, stop: bytes | None = None, on_output: OnOutput | None = None) -> bool:
        """Take what comes until `stop` or the script's end; paramiko wakes us for each piece."""
        watch = self._end if stop is None else StopWatch(stop)
        if watch is not self._end:
            watch.add(self.stdout.content())
        until = time.monotonic() + seconds
        while not (watch.seen or self._end.seen):
            data = self._shell.receive(until)
            if data is None:
                return False
            if not data:
                return self._ended()
            self.stdout.add(data)
            self._end.add(data)
            if watch is not self._end:
                watch.add(data)
            if on_output is not None:
                on_output("stdout", data)
        return True

    def _ended(self) -> bool:
        if not self._shell.cut_off:
            self.gone = True  # it held its output until its death; the target is there to be asked
            return True
        raise TargetUnreachableError(
            f"{self._shell.name}: {self._shell.cut_off}", hint="what the command does now is unknown"
        )

    def close(self) -> None:
        """Give the shell back, or let it go."""
        if self._closed:
            return
        self._closed = True
        while self._shell.channel.recv_stderr_ready():
            self.stderr.add(self._shell.channel.recv_stderr(_PIECE))
        self._shell.give_back(clean=self._end.seen)
