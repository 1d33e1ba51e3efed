"""A process on the other side of an SSH session: both streams and the exit status drained together, bounded."""

import time

import paramiko

from runbook_engine.connections.capture import Capture, StopWatch
from runbook_engine.connections.ssh_pool import Link, SshPool
from runbook_engine.sdk import OnOutput, TargetUnreachableError

_PIECE = 65536
_DRAIN = 1.0
_SHORT, _LONG = 0.005, 0.1


class SshProcess:
    """See `Process` for what its methods mean.

    Args:
        given: its input; None when it needs no word that there is none.
    """

    def __init__(
        self, name: str, pool: SshPool, link: Link, channel: paramiko.Channel, given: bytes | None, *, keep: int
    ) -> None:
        self.stdout = Capture(keep)
        self.stderr = Capture(keep)
        self.exit_status: int | None = None
        self.gone = False
        self._name, self._pool, self._link, self._channel = name, pool, link, channel
        self._given = memoryview(given or b"")
        self._input_open = given is not None
        self._silent = False
        self._drain_until: float | None = None
        self._closed = False

    def pump(self, seconds: float, *, stop: bytes | None = None, on_output: OnOutput | None = None) -> bool:
        """Move bytes; after the process's end a little longer, since its children may hold the streams."""
        watch = StopWatch(stop) if stop is not None else None
        if watch is not None:
            watch.add(self.stdout.content())
        until = time.monotonic() + seconds
        while True:
            moved = self._receive(watch, on_output)
            moved = self._send() or moved
            if watch is not None and watch.seen:
                return True
            now = time.monotonic()
            if self._over(now, moved=moved):
                return True
            if now >= until:
                return False
            if not moved:
                self._wait(until - now, watch, on_output)

    def _over(self, now: float, *, moved: bool) -> bool:
        channel = self._channel
        closed = channel.closed
        ended = closed or channel.eof_received
        if ended and (channel.recv_ready() or channel.recv_stderr_ready()):
            return False  # it came after we looked; behind the end of the streams nothing comes any more
        if self.exit_status is None and channel.exit_status_ready():
            status = channel.recv_exit_status()
            if status >= 0:
                self.exit_status = status
        if self.exit_status is None:
            if not closed or moved:
                return False
            if self._link.transport.is_active():
                return True  # a signal ended the shell itself: there is no status, but the target is there to be asked
            raise TargetUnreachableError(
                f"{self._name}: the connection was lost: {self._link.lost or 'connection closed'}",
                hint="what the command does now is unknown",
            )
        if self._drain_until is None:
            self._drain_until = now + _DRAIN
        return (ended and not moved) or now >= self._drain_until

    def _receive(self, watch: StopWatch | None, on_output: OnOutput | None) -> bool:
        moved = False
        while self._channel.recv_ready():
            data = self._channel.recv(_PIECE)
            if not data:
                break
            moved = True
            self._take(data, watch, on_output)
        while self._channel.recv_stderr_ready():
            data = self._channel.recv_stderr(_PIECE)
            if not data:
                break
            moved = True
            self.stderr.add(data)
            if on_output is not None:
                on_output("stderr", data)
        return moved

    def _take(self, data: bytes, watch: StopWatch | None, on_output: OnOutput | None) -> None:
        self.stdout.add(data)
        if watch is not None:
            watch.add(data)
        if on_output is not None:
            on_output("stdout", data)

    def _send(self) -> bool:
        if not self._input_open:
            return False
        try:
            if self._given and self._channel.send_ready():
                self._given = self._given[self._channel.send(bytes(self._given[:_PIECE])) :]
                if self._given:
                    return True
            if not self._given:
                self._input_open = False
                self._channel.shutdown_write()
        except OSError:  # it closed its input, which is its right; a lost connection shows in the exit status
            self._input_open = False
        return False

    def _wait(self, seconds: float, watch: StopWatch | None, on_output: OnOutput | None) -> None:
        """Wait for output or for the process's end, but not for long.

        Paramiko wakes us for standard output, for its end and for the exit status; not for standard error, for a
        window that opens, nor when the process has ended and a child of it holds the output.
        """
        seconds = min(seconds, _SHORT if self._given and self._input_open else _LONG)
        if not self._silent:
            self._channel.settimeout(seconds)
            try:
                data = self._channel.recv(_PIECE)
            except TimeoutError:
                return
            self._silent = not data
            if data:
                self._take(data, watch, on_output)
        elif self._channel.status_event.is_set():
            time.sleep(min(seconds, _SHORT))  # it ended, and a child of it may still hold standard error
        else:
            self._channel.status_event.wait(seconds)

    def close(self) -> None:
        """Stop listening; the process may go on."""
        if not self._closed:
            self._closed = True
            self._channel.close()
            self._pool.release(self._link)
