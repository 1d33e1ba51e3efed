"""The entry point `runbook`: heeds signals before anything large is imported, then calls the command line."""

import os
import signal
from types import FrameType

from runbook_engine.cli.signals import SIGNALS

_INTERRUPTED = 130  # `ExitCode.INTERRUPTED`, which is not imported yet


def main() -> None:
    """Run the command line and end the process with the documented exit code."""
    for number in SIGNALS:
        signal.signal(number, _end)
    from runbook_engine.cli.main import main as command_line

    command_line()


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: nothing was begun, and an exception in the middle of an import would be told as a traceback."""
    os.write(2, b"error: interrupted\n")
    os._exit(_INTERRUPTED)
