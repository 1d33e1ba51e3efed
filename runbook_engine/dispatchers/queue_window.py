"""Which orders have a job that brings them to a worker: in each queue so many at once, the others wait for room."""

from collections import deque
from collections.abc import Callable

from runbook_engine.dispatchers.queue_jobs import Key


class Window:
    """A queue's orders with a ticket, each of which a job brings, and those that are held; whoever shares it locks it.

    Args:
        most: tickets in a queue; with thousands of jobs PostgreSQL takes ever longer to find the next one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._out: dict[str, set[Key]] = {}
        self._held: dict[str, deque[Key]] = {}

    def ticket(self, queue: str, key: Key) -> bool:
        """Give an order that is about to be written down a ticket, if there is room."""
        out = self._out.setdefault(queue, set())
        if len(out) >= self._most:
            return False
        out.add(key)
        return True

    def hold(self, queue: str, key: Key) -> None:
        """Have an order without a ticket wait for one. It must be written down by now: a job may come at once."""
        if key not in self._out.get(queue, ()):
            self._held.setdefault(queue, deque()).append(key)

    def has(self, queue: str, key: Key) -> bool:
        """Tell whether an order has its ticket."""
        return key in self._out.get(queue, ())

    def over(self, queue: str, key: Key) -> None:
        """Take an order's ticket back."""
        self._out.get(queue, set()).discard(key)

    def next(self, wanted: Callable[[Key], bool]) -> list[tuple[str, Key]]:
        """Give tickets for the room there is; what is not `wanted` any more needs none."""
        more: list[tuple[str, Key]] = []
        for queue, held in self._held.items():
            out = self._out.setdefault(queue, set())
            while held and len(out) < self._most:
                key = held.popleft()
                if wanted(key):
                    out.add(key)
                    more.append((queue, key))
        return more
