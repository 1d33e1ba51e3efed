"""Makes some attempts in threads of this process and has workers make the others."""

from collections.abc import Callable, Sequence
from typing import Any

from runbook_engine.dispatchers.procrastinate import QueueDispatcher
from runbook_engine.dispatchers.threads import ThreadDispatcher
from runbook_engine.ports.dispatcher import AttemptOrder, EndedAttempt, Message


class RoutedDispatcher:
    """A `Dispatcher`: an order goes to the queue of its target if that has one, else to a thread here.

    Args:
        far: whether an order is for a worker.
    """

    def __init__(self, threads: ThreadDispatcher, queues: QueueDispatcher, far: Callable[[AttemptOrder], bool]) -> None:
        self._threads = threads
        self._queues = queues
        self._far = far

    def enlist(self, orders: Sequence[AttemptOrder], ended: Sequence[EndedAttempt]) -> Callable[[Any], None] | None:
        """See `Dispatcher.enlist`."""
        return self._queues.enlist(orders, ended)

    def submit(self, order: AttemptOrder) -> None:
        """See `Dispatcher.submit`."""
        (self._queues if self._far(order) else self._threads).submit(order)

    def adopt(self, task: str, number: int) -> AttemptOrder | None:
        """See `Dispatcher.adopt`."""
        return self._queues.adopt(task, number)

    def recall(self) -> None:
        """See `Dispatcher.recall`."""
        self._queues.recall()

    def receive(self, timeout: float) -> Message | None:
        """See `Dispatcher.receive`; the queues' messages come by the threads' way."""
        return self._threads.receive(timeout)

    def wake(self, reason: str = "") -> None:
        """See `Dispatcher.wake`."""
        self._threads.wake(reason)

    def settled(self, order: AttemptOrder) -> None:
        """See `Dispatcher.settled`; what an order left on a worker's target was noted with its end."""
        if not self._far(order):
            self._threads.settled(order)

    def cancel(self, task: str) -> None:
        """See `Dispatcher.cancel`."""
        self._queues.cancel(task)
        self._threads.cancel(task)

    def close(self) -> None:
        """See `Dispatcher.close`."""
        self._queues.close()
        self._threads.close()
