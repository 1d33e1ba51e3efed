"""Who works, as far as their heartbeats tell: by the time of whoever looks, and only while they could be seen."""

from collections.abc import Mapping

STALL_SECONDS = 15.0
BEAT_SECONDS = 2.0
_LONGEST_GAP = 5.0


class Watch:
    """Tells the workers whose heartbeat stood still for so long while we could look all the time.

    The database's own time would not do: after it was away itself, every heartbeat in it is old.
    """

    def __init__(self, seconds: float = STALL_SECONDS) -> None:
        self._seconds = seconds
        self._since: dict[str, tuple[object, float]] = {}
        self._looked = 0.0

    def look(self, beats: Mapping[str, object], now: float) -> set[str]:
        """Take note of each worker's newest heartbeat; give those that stand still.

        Args:
            now: monotonic time.
        """
        if now - self._looked > _LONGEST_GAP:
            self.blind()  # we were frozen ourselves, perhaps with all others
        self._looked = now
        known = self._since
        self._since = {
            worker: known[worker] if worker in known and known[worker][0] == beat else (beat, now)
            for worker, beat in beats.items()
        }
        return {worker for worker, (_, since) in self._since.items() if now - since >= self._seconds}

    def blind(self) -> None:
        """Forget what was seen: for a while nobody could look."""
        self._since.clear()
