"""Turns Ctrl-C, SIGTERM and SIGHUP into interrupts of the run, so that it is left in order."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runbook_engine.execution.loop_tools import Interrupts

_FIRST = "interrupted: nothing new is started, what runs is finished; once more cancels that, too"
_SECOND = "interrupted again: what runs is cancelled"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_at_signals() -> None:
    """End a command at any of the signals as Ctrl-C does: nothing is held that would have to be left in order."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Ignore the signals until the process ends: what it did is done, and its exit code tells of that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def heeding_signals(interrupts: "Interrupts", tell: Callable[[str], None], *, hangup: bool = True) -> Iterator[None]:
    """Count signals as interrupts of the run until the block ends; after it they are ignored.

    Args:
        tell: tells people what that means; called in the handler, which may come in the middle of a print.
        hangup: heed SIGHUP, too; a run in the background has no terminal that could be hung up.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        tell(_SECOND if interrupts.count else _FIRST)
        interrupts.interrupt()

    for number in SIGNALS:
        if hangup or number != signal.SIGHUP:
            signal.signal(number, handle)
    try:
        yield
    finally:
        ignore_signals()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
