"""Time as a port, so that whole runs can be tested with a virtual clock."""

from datetime import datetime
from typing import Protocol

from runbook_engine.ports.cancel import CancelSignal


class Clock(Protocol):
    """Gives wall time for records and monotonic time for everything that is measured or waited for."""

    def now(self) -> datetime:
        """Give the time of day, UTC, with its zone."""
        ...

    def monotonic(self) -> float:
        """Give seconds on a clock that never jumps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def wait(self, event: CancelSignal, seconds: float) -> bool:
        """Wait until the event is set, at most that long; tell whether it is."""
        ...
