"""A process over SSH: nothing that it said is lost, whenever its end comes in between."""

import threading
from types import SimpleNamespace

import pytest

from runbook_engine.connections.ssh_process import SshProcess


class LateChannel:
    """A channel whose last words and end arrive just after somebody looked for output."""

    def __init__(self, stream, *, status=True):
        self.stream, self.status = stream, status
        self.words = {"stdout": b"", "stderr": b""}
        self.eof_received = self.closed = False
        self.status_event = threading.Event()
        self.looks = 0

    def _arrive(self):
        """Everything comes at once, in the order of the wire: words, end of the streams, status, close."""
        self.words[self.stream] = b"last words"
        self.eof_received = self.closed = True
        self.status_event.set()

    def recv_ready(self):
        return bool(self.words["stdout"])

    def recv_stderr_ready(self):
        self.looks += 1
        ready = bool(self.words["stderr"])
        if self.looks == 1:
            self._arrive()  # behind the look
        return ready

    def recv(self, size):
        data, self.words["stdout"] = self.words["stdout"], b""
        return data

    def recv_stderr(self, size):
        data, self.words["stderr"] = self.words["stderr"], b""
        return data

    def exit_status_ready(self):
        return self.closed

    def recv_exit_status(self):
        return 0 if self.status else -1

    def settimeout(self, seconds):
        """Everything is there at once."""

    def send_ready(self):
        return True

    def shutdown_write(self):
        """Nothing was to be sent."""

    def close(self):
        """Nothing to give back."""


@pytest.mark.parametrize("status", [True, False], ids=["exit status", "none"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_came_with_the_end_is_not_lost(stream, status):
    link = SimpleNamespace(transport=SimpleNamespace(is_active=lambda: True), lost="")
    pool = SimpleNamespace(release=lambda _: None)
    process = SshProcess("web1", pool, link, LateChannel(stream, status=status), b"", keep=1000)
    assert process.pump(5)
    assert getattr(process, stream).content() == b"last words"
    assert process.exit_status == (0 if status else None)
