"""Until when, by this process's own clock, the right to advance the run is surely ours."""

import math

_MARGIN = 1.0  # seconds before the end of the lease from which on nothing is begun


class LeaseTerm:
    """Shared by the loop, which renews the lease, and the attempts, which ask before they change anything.

    An engine that was frozen between its last word to the journal and a change at a target wakes with a lease that may
    be another's by now. Without a renewal nothing is known of any end.
    """

    def __init__(self) -> None:
        self._until = math.inf
        self._displaced_until = -math.inf

    def renewed(self, asked_at: float, seconds: float) -> None:
        """Take note that the lease was renewed for so long, and at which monotonic time that was asked for."""
        self._until = asked_at + seconds - min(_MARGIN, seconds / 3)

    def displaced(self, now: float, seconds: float) -> None:
        """Take note that whoever had the lease before may think for so long that it is theirs: they may be frozen."""
        self._displaced_until = now + seconds

    def shared(self, now: float) -> float:
        """Give the seconds for which they may still begin what they said that they would."""
        return max(0.0, self._displaced_until - now)

    def is_over(self, now: float) -> bool:
        """Whether the lease may be another's at that monotonic time."""
        return now >= self._until
