"""Turns Ctrl-C, SIGTERM and SIGHUP into interrupts of the run, so that it is left in order."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from runbook_engine.execution.loop_tools import Interrupts

_FIRST = b"\ninterrupted: nothing new is started, what runs is finished; once more cancels that, too\n"
_SECOND = b"\ninterrupted again: what runs is cancelled\n"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def heeding_signals(interrupts: Interrupts) -> Iterator[None]:
    """Count signals as interrupts until the block ends."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        # os.write, not print: a handler may come in the middle of a print, and that can't be entered twice.
        with suppress(OSError):
            os.write(2, _SECOND if interrupts.count else _FIRST)
        interrupts.interrupt()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
