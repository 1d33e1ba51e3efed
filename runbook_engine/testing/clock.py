"""A clock that stands still until it is told to go on."""

import threading
from datetime import UTC, datetime, timedelta

from runbook_engine.ports.cancel import CancelSignal

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class ManualClock:
    """Implements the clock port; sleeping moves it on at once.

    Args:
        now: the time of day it begins with.
    """

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._monotonic = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Give the time of day."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """Give the seconds since it was made."""
        with self._lock:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.advance(seconds)

    def wait(self, event: CancelSignal, seconds: float) -> bool:
        """Move on, unless the event is set already; tell whether it is."""
        if not event.is_set():
            self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the time of day forward or back, as an administrator does; no time passes."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
