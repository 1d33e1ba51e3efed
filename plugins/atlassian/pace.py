"""Keeps to a service's rate limit: every request of this process with one token waits for its turn."""

import threading
from dataclasses import dataclass, field

from runbook_engine.sdk import ActionContext, Clock

_lock = threading.Lock()
_turns: dict[str, "_Turn"] = {}
_KEPT = 1000


@dataclass(slots=True)
class _Turn:
    """When the next request may be sent, by the clock that it was reckoned with."""

    clock: Clock
    at: float


@dataclass(frozen=True, slots=True)
class Pace:
    """A rate limit.

    Attributes:
        key: whom the limit counts: service and a digest of the token; never the token itself.
        seconds: time between two requests.
    """

    key: str = ""
    seconds: float = field(default=0.0)

    def wait(self, context: ActionContext) -> None:
        """Wait for the next turn.

        Raises:
            DeadlineError: the step's timeout passed.
            CancelledError: the operator cancelled.
        """
        context.pause(0)
        if self.seconds <= 0:
            return
        turn = self._take(context.clock)
        while (left := turn - context.clock.monotonic()) > 0:
            context.pause(left)

    def _take(self, clock: Clock) -> float:
        now = clock.monotonic()
        with _lock:
            known = _turns.get(self.key)
            if known is None or known.clock is not clock:
                if len(_turns) >= _KEPT:
                    _turns.clear()
                known = _turns[self.key] = _Turn(clock, now)
            turn = max(known.at, now)
            known.at = turn + self.seconds
        return turn
