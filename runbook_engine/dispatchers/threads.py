"""Makes attempts in threads of this process, the default dispatcher."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptProgress, AttemptReport, EndedAttempt, Message, Wake

Attempt = Callable[[AttemptOrder, CancelSignal, Callable[[str], None]], AttemptReport]
Settled = Callable[[AttemptOrder], None]
_GRACE = 30.0
_CLOSING = 5.0
# After so many orders at once the threads get a moment: where they come back at once, one batch has all their reports.
_MANY = 8
_MOMENT = 0.0002


@dataclass(slots=True)
class _Running:
    """An order that a thread works on; `due` is the monotonic time at which the thread is given up."""

    order: AttemptOrder
    due: float
    cancelled: CancelSignal


class ThreadDispatcher:
    """Runs each order in a thread; threads are made when needed and reused.

    A thread that hangs past its order's timeout (a plugin that waits for nothing) is given up: its task is reported as
    failed with its end in doubt, and another thread may take its place, so that it delays nobody.

    Args:
        attempt: makes one attempt and never raises.
        settled: forgets what an attempt left on its target, and never raises.
        forks: greatest number of threads.
        grace: seconds past an order's timeout after which its thread is given up.
    """

    def __init__(self, attempt: Attempt, settled: Settled, *, forks: int, clock: Clock, grace: float = _GRACE) -> None:
        self._attempt = attempt
        self._settled = settled
        self._forks = forks
        self._clock = clock
        self._grace = grace
        self._orders: SimpleQueue[tuple[AttemptOrder, bool] | None] = SimpleQueue()
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._running: dict[tuple[str, int], _Running] = {}
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting = 0
        self._looked = 0.0
        self._fresh = 0

    def enlist(self, orders: Sequence[AttemptOrder], ended: Sequence[EndedAttempt]) -> None:
        """Nothing of this process's threads is written down."""

    def adopt(self, task: str, number: int) -> None:
        """No attempt outlives the process that its thread belongs to."""

    def recall(self) -> None:
        """Every order has its thread, or has it soon."""

    def post(self, message: Message) -> None:
        """Let somebody else's message be received here, too."""
        self._messages.put(message)

    def submit(self, order: AttemptOrder) -> None:
        """Take an order."""
        due = self._clock.monotonic() + order.timeout + self._grace
        with self._lock:
            self._running[order.task, order.number] = _Running(order, due, CancelSignal())
            self._fresh += 1
        self._put((order, False))

    def settled(self, order: AttemptOrder) -> None:
        """Forget in a thread what the order left on its target."""
        self._put((order, True))

    def receive(self, timeout: float) -> Message | None:
        """Give the next message."""
        self._give_up_overdue()
        if self._fresh:
            fresh, self._fresh = self._fresh, 0
            if fresh >= _MANY:
                self._clock.sleep(_MOMENT)
        try:
            return self._messages.get(block=timeout > 0, timeout=timeout if timeout > 0 else None)
        except Empty:
            return None

    def wake(self, reason: str = "") -> None:
        """Make a waiting `receive` return."""
        self._messages.put(Wake(reason))

    def cancel(self, task: str) -> None:
        """Ask a running attempt to end."""
        with self._lock:
            for running in self._running.values():
                if running.order.task == task:
                    running.cancelled.set()

    def close(self) -> None:
        """Let the threads end; those that still work get a moment, and are daemons."""
        with self._lock:
            threads = self._threads
        for _ in range(threads):
            self._orders.put(None)
        end = self._clock.monotonic() + _CLOSING
        while self._clock.monotonic() < end:
            with self._lock:
                if self._threads <= len(self._running):
                    return
            self._clock.sleep(0.005)

    def _put(self, item: tuple[AttemptOrder, bool]) -> None:
        with self._lock:
            if self._waiting:
                self._waiting -= 1
            elif self._threads < self._forks:
                self._threads += 1
                # A daemon: a thread that hangs must not keep the process from ending.
                threading.Thread(target=self._work, name=f"attempt-{self._threads}", daemon=True).start()
        self._orders.put(item)

    def _work(self) -> None:
        while (item := self._orders.get()) is not None:
            order, forget = item
            if forget:
                self._forget(order)
            elif not self._make(order):
                return  # given up, and replaced, while it worked
            with self._lock:
                self._waiting = min(self._waiting + 1, self._threads)
        with self._lock:
            self._threads -= 1

    def _forget(self, order: AttemptOrder) -> None:
        try:
            self._settled(order)
        except Exception as error:  # noqa: BLE001 - tidying up must not cost a thread; it is said
            text = f"could not tidy up: {type(error).__name__}: {error}"
            self._messages.put(AttemptProgress(order.task, order.number, text))

    def _make(self, order: AttemptOrder) -> bool:
        """Make the attempt; false when the thread was given up meanwhile."""
        key = (order.task, order.number)
        with self._lock:
            running = self._running.get(key)
        if running is None:
            return False
        report = self._attempt(
            order, running.cancelled, lambda text: self._messages.put(AttemptProgress(order.task, order.number, text))
        )
        with self._lock:
            if self._running.pop(key, None) is None:
                return False
        self._messages.put(report)
        return True

    def _give_up_overdue(self) -> None:
        """Report orders whose thread went on long past the timeout."""
        now = self._clock.monotonic()
        if now - self._looked < 1.0:
            return
        self._looked = now
        with self._lock:
            overdue = [key for key, running in self._running.items() if running.due < now]
            lost = [self._running.pop(key).order for key in overdue]
            self._threads -= len(lost)
        for order in lost:
            text = (
                f"action {order.action} went on long past its timeout of {order.timeout:g} s and was given up;"
                " what it does now is not known"
            )
            report = AttemptReport(order.task, order.number, Outcome.FAILED, error=text, in_doubt=True)
            self._messages.put(report)
