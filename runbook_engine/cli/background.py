"""Lets a run go on in the background: a second process in a session of its own, with a log in place of the terminal."""

import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from runbook_engine.app.run_log import RunLog
from runbook_engine.cli.signals import SIGNALS, interrupt_at_signals
from runbook_engine.model.errors import ExitCode, RunbookError
from runbook_engine.model.event import LeaseTaken, StoredEvent
from runbook_engine.ports.dispatcher import AttemptProgress
from runbook_engine.ports.listener import Listener

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_ON = b"on"


@dataclass(frozen=True, slots=True)
class Foreground:
    """What came of it, for the process that stays with the person.

    Attributes:
        pid: the process in the background.
        status: 0 when the run is on; 130 when it is on and was interrupted meanwhile; else the exit code of a process
            that refused, and said why.
        on: whether the run is opened, its lease taken, and both durable.
    """

    pid: int
    status: int
    on: bool


class Background:
    """The process in the background: a listener that says when the run is on, and leaves the terminal then.

    What is told before that is held back for the log; what is refused before that is said on the terminal still, by the
    same words and exit code as in the foreground.
    """

    def __init__(self, told: int) -> None:
        self._told = told
        self._held: list[StoredEvent] = []
        self._log: RunLog | None = None
        self.on = False
        self.listener: Listener | None = None

    @contextmanager
    def writing_to(self, log: RunLog) -> Iterator[None]:
        """Leave the terminal for this log when the run is on; when it never is, a new log is taken away again."""
        self._log = log
        try:
            yield
        finally:
            if not self.on:
                log.discard()

    def event(self, stored: StoredEvent) -> None:
        """Pass an event on, once the run is on."""
        self._held.append(stored)
        if isinstance(stored.event, LeaseTaken) and not self.on:  # told of by who holds the lease, and nobody else
            self._leave_terminal()
        if self.on and self.listener is not None:
            for held in self._held:
                self.listener.event(held)
            self._held.clear()

    def warning(self, text: str) -> None:
        """Pass a warning on."""
        if self.listener is not None:
            self.listener.warning(text)

    def progress(self, progress: AttemptProgress) -> None:
        """Pass progress on."""
        if self.listener is not None:
            self.listener.progress(progress)

    def _leave_terminal(self) -> None:
        if self._log is None:
            raise ValueError("there is no log to go on in")
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in (_STDOUT, _STDERR):
            os.dup2(self._log.number, stream)
        os.close(self._log.number)
        self.on = True
        with suppress(OSError):  # who waited for it may have been killed; the run goes on
            os.write(self._told, _ON)
        os.close(self._told)


def go_to_background() -> Foreground | Background:
    """Fork. Returns in both processes; in the foreground only when the run is on, or was refused.

    Signals that come meanwhile are the background's: Ctrl-C before a run's id was printed interrupts that run.

    Raises:
        RunbookError: in the foreground: the process in the background was killed before the run was on.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    pid = os.fork()
    if pid:
        os.close(writing)
        return _stay(pid, reading)
    os.close(reading)
    # A session of its own: no terminal's hangup and no Ctrl-C reaches it, nor the end of its caller's job.
    os.setsid()
    signal.signal(signal.SIGHUP, _unheard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    _close_inherited()
    return Background(writing)


def _stay(pid: int, reading: int) -> Foreground:
    with _forwarding(pid) as forwarded:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        on = os.read(reading, len(_ON)) == _ON
        os.close(reading)
    if on:
        return Foreground(pid, ExitCode.INTERRUPTED if forwarded else ExitCode.OK, on=True)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status <= 0:
        how = f"was ended by signal {-status}" if status else "ended"
        hint = "`runbook runs` shows whether it was opened; `runbook resume` goes on with one that was"
        raise RunbookError(f"the process in the background {how} before the run was on", hint=hint)
    return Foreground(pid, status, on=False)


@contextmanager
def _forwarding(pid: int) -> Iterator[list[int]]:
    """Pass signals on to the other process; gives the list of those that came."""
    came: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)

    for number in SIGNALS:
        signal.signal(number, forward)
    try:
        yield came
    finally:
        interrupt_at_signals()


def _unheard(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN, a handler is not passed on to the commands that the run starts."""


def _close_inherited() -> None:
    """Close what the caller of the command left open for it, such as a pipe whose end somebody waits for.

    What this program opened itself is marked to be closed by exec; that stays.
    """
    for path in list(Path("/proc/self/fd").iterdir()):
        number = int(path.name)
        if number > _STDERR:
            with suppress(OSError):  # the listing's own descriptor is gone already
                if not fcntl.fcntl(number, fcntl.F_GETFD) & fcntl.FD_CLOEXEC:
                    os.close(number)
