"""Tells people of queues that no worker serves while orders wait in them, and when one does again."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from runbook_engine.dispatchers.queue_orders import WorkerRow
from runbook_engine.dispatchers.queue_watch import STALL_SECONDS

NOBODY_SECONDS = 3.0
"""For so long a queue may have no worker before people are told."""


class Served:
    """What was told of queues.

    Args:
        warn: tells people.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._unserved: dict[str, float] = {}
        self._warned: set[str] = set()

    def look(
        self, workers: Sequence[WorkerRow], vanished: AbstractSet[str], wanted: AbstractSet[str], now: float
    ) -> None:
        """Look at who works.

        Args:
            vanished: ids of workers that do so no longer.
            wanted: queues in which orders wait, or are made.
            now: monotonic time.
        """
        served = {
            queue
            for worker in workers
            if worker.id not in vanished and not worker.draining and worker.silent < STALL_SECONDS
            for queue in worker.queues
        }
        for queue in sorted(wanted - served):
            since = self._unserved.setdefault(queue, now)
            if now - since >= NOBODY_SECONDS and queue not in self._warned:
                self._warned.add(queue)
                hint = f"start one there: runbook worker --queue {queue}"
                self._warn(f"no worker serves the queue {queue}, and its steps wait; {hint}")
        for queue in served & self._unserved.keys():
            del self._unserved[queue]
            if queue in self._warned:
                self._warned.discard(queue)
                self._warn(f"the queue {queue} is served again")

    def blind(self) -> None:
        """Forget since when queues are unserved: for a while nobody could look."""
        self._unserved.clear()
