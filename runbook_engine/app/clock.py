"""The real clock."""

import time
from datetime import UTC, datetime, timedelta

from runbook_engine.ports.cancel import CancelSignal


class SystemClock:
    """Time of this machine (`ports.clock.Clock`)."""

    def now(self) -> datetime:
        """Give the time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds that never jump."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, event: CancelSignal, seconds: float) -> bool:
        """Wait until the event is set, at most that long."""
        return event.wait(seconds)


class SteadyClock(SystemClock):
    """Time of this machine that does not jump with the time of day: it goes on from what that was at the beginning.

    Time that the machine sleeps counts.
    """

    def __init__(self) -> None:
        self._wall, self._ticks = datetime.now(UTC), time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> datetime:
        """Give the time of day at the beginning, and what has passed since; UTC."""
        return self._wall + timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) - self._ticks)
