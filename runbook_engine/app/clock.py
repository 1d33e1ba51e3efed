"""The real clock."""

import time
from datetime import UTC, datetime

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
