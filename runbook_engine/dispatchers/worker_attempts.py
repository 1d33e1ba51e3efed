"""The attempts that a worker makes, each in a thread of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from runbook_engine.dispatchers.queue_claims import Claimed, OrderKey
from runbook_engine.dispatchers.queue_wire import SentOrder
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport

GRACE = 30.0
Make = Callable[[SentOrder, str, CancelSignal, Callable[[str], None]], AttemptReport]


@dataclass(slots=True)
class _Running:
    order: AttemptOrder
    due: float
    cancelled: CancelSignal = field(default_factory=CancelSignal)


class WorkerAttempts:
    """Begins attempts and gives their reports; one that hangs past its timeout is given up, its end in doubt.

    Args:
        make: makes one attempt of a run whose facts it is given, and never raises.
        said: is called, in any thread, when there is a report or progress to take.
    """

    def __init__(self, make: Make, said: Callable[[], None], *, clock: Clock) -> None:
        self._make = make
        self._said = said
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[OrderKey, _Running] = {}
        self._progress: dict[OrderKey, str] = {}
        self._reports: SimpleQueue[tuple[OrderKey, AttemptReport]] = SimpleQueue()

    def begin(self, key: OrderKey, sent: SentOrder, claimed: Claimed) -> None:
        """Begin an attempt."""
        order = sent.order
        running = _Running(order, self._clock.monotonic() + order.timeout + GRACE)
        with self._lock:
            self._running[key] = running
        thread = threading.Thread(
            target=self._work, args=(key, sent, claimed.facts, running), name=f"attempt {order.task}", daemon=True
        )
        thread.start()

    def refuse(self, key: OrderKey, why: str, *, in_doubt: bool) -> None:
        """Report an order that is not begun; `in_doubt`: as an earlier attempt is, whose end it was to find out."""
        number = key.number if key.number > 0 else -key.number - 1  # (a look's; see queue_schema)
        self._reports.put((key, AttemptReport(key.task, number, Outcome.FAILED, error=why, in_doubt=in_doubt)))
        self._said()

    @property
    def keys(self) -> set[OrderKey]:
        """The attempts that run."""
        with self._lock:
            return set(self._running)

    def end(self, key: OrderKey, *, drop: bool = False) -> None:
        """Ask an attempt to end; `drop`: it is another's by now, who goes on with the command that it began."""
        with self._lock:
            running = self._running.pop(key, None) if drop else self._running.get(key)
        if running is not None and drop:
            running.cancelled.leave()
        elif running is not None:
            running.cancelled.set()

    def progress(self) -> dict[OrderKey, str]:
        """Take what attempts said of themselves since the last time."""
        with self._lock:
            said, self._progress = self._progress, {}
        return said

    def report(self) -> tuple[OrderKey, AttemptReport] | None:
        """Take how an attempt ended; None when there is no more."""
        try:
            return self._reports.get_nowait()
        except Empty:
            return None

    def give_up_overdue(self) -> None:
        """Report those that went on long past their timeout."""
        now = self._clock.monotonic()
        with self._lock:
            overdue = [key for key, running in self._running.items() if running.due < now]
            for key in overdue:
                order = self._running.pop(key).order
                text = (
                    f"action {order.action} went on long past its timeout of {order.timeout:g} s and was given up;"
                    " what it does now is not known"
                )
                report = AttemptReport(order.task, order.number, Outcome.FAILED, error=text, in_doubt=True)
                self._reports.put((key, report))

    def _work(self, key: OrderKey, sent: SentOrder, facts: str, running: _Running) -> None:
        def on_progress(text: str) -> None:
            with self._lock:
                self._progress[key] = text
            self._said()

        report = self._make(sent, facts, running.cancelled, on_progress)
        with self._lock:  # at no time is an attempt neither among those that run nor among those that ended
            if self._running.pop(key, None) is None:
                return  # given up, or dropped, while it worked
            self._reports.put((key, report))
        self._said()
