"""Hands orders to workers on other machines, by queues in the journal's own PostgreSQL database."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import psycopg

from runbook_engine.dispatchers import queue_orders
from runbook_engine.dispatchers.queue_jobs import Key, defer
from runbook_engine.dispatchers.queue_link import Link
from runbook_engine.dispatchers.queue_list import refusal
from runbook_engine.dispatchers.queue_orders import End, NewOrder, OrderRow, WorkerRow
from runbook_engine.dispatchers.queue_report import report_of
from runbook_engine.dispatchers.queue_served import Served
from runbook_engine.dispatchers.queue_watch import Watch
from runbook_engine.dispatchers.queue_window import Window
from runbook_engine.dispatchers.queue_wire import SentOrder, order_text, read_order
from runbook_engine.model.errors import JournalError
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptProgress, EndedAttempt, Message

WINDOW = 100  # jobs that wait in one queue
_LOOK = 1.0  # seconds between two looks when nothing is said
_CLOSING = 5.0
_STRANDED = 10.0  # seconds after which an order that waits without a job is brought once more
_AT_ONCE = 50  # reports whose output is read together


@dataclass(frozen=True, slots=True)
class QueueRun:
    """The run that orders are made for.

    Attributes:
        facts: JSON that every worker needs to know of the run; without secrets.
        queue_of: names the queue of an order, None for one that is made in this process.
        sent: makes an order fit to travel: without any secret.
        leaves: whether an order may leave something on its target that is to be tidied up.
        deliver: takes what workers say.
        warn: tells people.
    """

    url: str
    run: str
    fence: int
    facts: str
    queue_of: Callable[[AttemptOrder], str | None]
    sent: Callable[[AttemptOrder], SentOrder]
    leaves: Callable[[AttemptOrder], bool]
    deliver: Callable[[Message], None]
    warn: Callable[[str], None]


class QueueDispatcher:
    """The part of a dispatcher whose attempts are made by workers; one thread of its own talks to the database.

    `start` comes first; see `ports.dispatcher.Dispatcher` for the rest.
    """

    def __init__(self, facts: QueueRun, *, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Key, AttemptOrder] = {}  # attempts whose end the journal does not have, and looks
        self._queues: dict[Key, str] = {}
        self._inherited: dict[Key, tuple[OrderRow, str]] = {}
        self._told: set[Key] = set()
        self._said: dict[Key, str] = {}
        self._window = Window(WINDOW)
        self._served = Served(facts.warn)
        self._todo: SimpleQueue[Callable[[Any], None]] = SimpleQueue()
        self._watch = Watch()
        self._look_at = 0.0
        self._bring_at = clock.monotonic() + _STRANDED
        self._closing = False
        self._link = Link(facts.url, queue_orders.REPORTS, "runbook orders", clock=clock, lost=self._tell_lost)
        self._thread = threading.Thread(target=self._work, name="orders", daemon=True)

    def start(self) -> None:
        """Take over what an earlier process ordered, and begin to listen.

        Raises:
            UnreachableError: the database can't be asked.
            RefusedError: this role may not.
        """
        facts = self._facts
        try:
            connection = self._link.connection()
            with connection.transaction():
                self._inherited = queue_orders.open_run(connection, facts.run, facts.fence, facts.facts)
        except psycopg.Error as error:
            raise refusal(error) from error
        self._thread.start()

    def enlist(self, orders: Sequence[AttemptOrder], ended: Sequence[EndedAttempt]) -> Callable[[Any], None] | None:
        """See `Dispatcher.enlist`."""
        facts = self._facts
        new = [
            self._new(Key(order.task, order.number), order, queue)
            for order in orders
            if (queue := facts.queue_of(order)) is not None
        ]
        with self._lock:
            over = [
                End(Key(one.task, one.number), one.in_doubt, not one.in_doubt and facts.leaves(order))
                for one in ended
                if (order := self._forget(Key(one.task, one.number))) is not None
            ]
        if not new and not over:
            return None

        def also(connection: Any) -> None:
            queue_orders.write(connection, facts.run, facts.fence, new)
            queue_orders.end(connection, facts.run, over)

        return also

    def submit(self, order: AttemptOrder) -> None:
        """Its report is heard as it comes; a look is written down first, for no event records it."""
        queue = self._facts.queue_of(order)
        if order.look and queue is not None:
            new = self._new(Key(order.task, -order.number - 1), order, queue)
            facts = self._facts

            def look(connection: Any) -> None:
                with connection.transaction():
                    queue_orders.forget_look(connection, facts.run, facts.fence, new.key)
                    queue_orders.write(connection, facts.run, facts.fence, [new])
                self._hold(queue, new.key)

            self._ask(look)
        elif queue is not None and self._hold(queue, Key(order.task, order.number)):
            self._link.wake()

    def adopt(self, task: str, number: int) -> AttemptOrder | None:
        """See `Dispatcher.adopt`."""
        key = Key(task, number)
        found = self._inherited.pop(key, None)
        if found is None:
            return None
        row, body = found
        try:
            order = read_order(body).order._replace(fence=self._facts.fence)
        except ValueError as error:
            raise JournalError(
                f"the order of {task} for a worker can't be read: {error}",
                hint="was it written by another version? `runbook resume` with that one",
            ) from error
        with self._lock:
            self._known[key] = order
            self._queues[key] = row.queue
        self._link.wake()
        return order

    def recall(self) -> None:
        """See `Dispatcher.recall`."""
        run, fence = self._facts.run, self._facts.fence
        why = "taken back before any worker began it"
        self._ask(lambda connection: queue_orders.take_back(connection, run, fence, why))

    def cancel(self, task: str) -> None:
        """See `Dispatcher.cancel`."""
        run, fence = self._facts.run, self._facts.fence
        why = "cancelled before any worker began it"
        self._ask(lambda connection: queue_orders.take_back(connection, run, fence, why, task))
        self._ask(lambda connection: queue_orders.cancel(connection, run, fence, task))

    def close(self) -> None:
        """Say nothing more; what workers make goes on, and whoever resumes the run hears of it."""
        self._closing = True
        self._link.wake()
        self._thread.join(_CLOSING)
        if not self._thread.is_alive():
            self._link.close()

    def _new(self, key: Key, order: AttemptOrder, queue: str) -> NewOrder:
        """Make an order ready to be written down, with a ticket if there is room in its queue."""
        with self._lock:
            self._known[key] = order
            self._queues[key] = queue
            ticket = self._window.ticket(queue, key)
        return NewOrder(key, queue, order_text(self._facts.sent(order)), ticket)

    def _hold(self, queue: str, key: Key) -> bool:
        """Have an order that is written down, and has no ticket, wait for one; tell whether it is such a one."""
        with self._lock:
            held = key in self._known and not self._window.has(queue, key)
            if held:
                self._window.hold(queue, key)
        return held

    def _forget(self, key: Key) -> AttemptOrder | None:
        """Let go of an attempt whose end is known; under the lock."""
        self._queues.pop(key, None)
        self._told.discard(key)
        return self._known.pop(key, None)

    def _ask(self, what: Callable[[Any], None]) -> None:
        """Let the thread do something."""
        self._todo.put(what)
        self._link.wake()

    def _tell_lost(self, why: str) -> None:
        self._facts.warn(f"nothing is heard of the workers, for the database can't be reached: {why}")

    def _work(self) -> None:
        waits: list[Callable[[Any], None]] = []
        while not self._closing:
            try:
                connection = self._link.connection()
                self._do(connection, waits)
                self._hear(connection)
                self._next(connection)
                if self._clock.monotonic() >= self._look_at:
                    self._look_after(queue_orders.workers(connection), connection)
                    self._look_at = self._clock.monotonic() + _LOOK
                if self._clock.monotonic() >= self._bring_at:
                    self._bring_again(connection)
                    self._bring_at = self._clock.monotonic() + _STRANDED
                self._link.wait(_LOOK)
            except psycopg.Error as error:
                self._watch.blind()
                self._served.blind()
                self._link.pause(error)

    def _do(self, connection: Any, waits: list[Callable[[Any], None]]) -> None:
        """Do what was asked, in order; what the database's going away prevents is done when it is back."""
        while True:
            try:
                waits.append(self._todo.get_nowait())
            except Empty:
                break
        while waits:
            waits[0](connection)
            del waits[0]

    def _hear(self, connection: Any) -> None:
        """Pass on what workers said since the last time."""
        said = queue_orders.said(connection, self._facts.run)
        # (What is known is looked at after what was read: a row may be older than the record of its attempt's end.)
        with self._lock:
            new = [(row, order) for row in said if row.key not in self._told and (order := self._known.get(row.key))]
        ended: list[tuple[OrderRow, AttemptOrder]] = []
        for row, order in new:
            if row.state != "begun":
                ended.append((row, order))
            elif self._said.get(row.key) != row.progress:
                self._said[row.key] = row.progress
                self._facts.deliver(AttemptProgress(order.task, order.number, row.progress))
        for first in range(0, len(ended), _AT_ONCE):
            self._deliver(connection, ended[first : first + _AT_ONCE])

    def _deliver(self, connection: Any, ended: Sequence[tuple[OrderRow, AttemptOrder]]) -> None:
        """Pass on how attempts ended."""
        run = self._facts.run
        outputs = queue_orders.outputs_of(connection, run, [row.key for row, _ in ended if row.state == "reported"])
        for row, order in ended:
            report = report_of(row, order, outputs.get(row.key, {}))
            self._said.pop(row.key, None)
            with self._lock:
                self._window.over(row.queue, row.key)
                if order.look:
                    self._forget(row.key)
                else:
                    self._told.add(row.key)
            self._facts.deliver(report)
            if order.look:
                queue_orders.forget_look(connection, run, self._facts.fence, row.key)

    def _next(self, connection: Any) -> None:
        """Bring orders to workers for which there is room by now."""
        with self._lock:
            more = self._window.next(lambda key: key in self._known and key not in self._told)
        if more:
            with connection.transaction():
                defer(connection, self._facts.run, more)

    def _bring_again(self, connection: Any) -> None:
        """See that each order that waits has its job: one that was lost comes once more, as it may."""
        found = queue_orders.stranded(connection, self._facts.run, self._facts.fence, _STRANDED)
        with self._lock:
            again = [(queue, key) for queue, key in found if key in self._known and self._window.has(queue, key)]
        if again:
            with connection.transaction():
                defer(connection, self._facts.run, again)

    def _look_after(self, workers: Sequence[WorkerRow], connection: Any) -> None:
        """Find out who vanished, and whose orders nobody takes."""
        now = self._clock.monotonic()
        vanished = self._watch.look({worker.id: worker.beat for worker in workers}, now)
        if queue_orders.lose(connection, sorted(vanished)):
            self._link.wake()
        with self._lock:
            wanted = {self._queues[key] for key in self._known if key not in self._told}
        self._served.look(workers, vanished, wanted, now)
