"""A worker's hold on the database: its heartbeat, the orders that it begins, and how they ended."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

import psycopg

from runbook_engine.dispatchers import queue_claims, queue_orders
from runbook_engine.dispatchers.queue_claims import OrderKey, WorkerFacts
from runbook_engine.dispatchers.queue_link import Link
from runbook_engine.dispatchers.queue_watch import BEAT_SECONDS, STALL_SECONDS, Watch
from runbook_engine.dispatchers.queue_wire import SentOrder, read_order, report_text
from runbook_engine.dispatchers.worker_attempts import Make, WorkerAttempts
from runbook_engine.model.connection_variables import is_local
from runbook_engine.ports.clock import Clock

_TIDY_AT_ONCE = 16


class Keeper:
    """One thread that does all that a worker has to say to the database; what it can't say now it says later.

    Args:
        make: makes one attempt and never raises.
        tidy: lets go of what an attempt left on its target, given its order and the facts of its run; never raises.
        alive: is told at which monotonic time a heartbeat was asked for, and for how many seconds it holds.
        say: tells people.
    """

    def __init__(
        self,
        url: str,
        facts: WorkerFacts,
        *,
        make: Make,
        tidy: Callable[[SentOrder, str], None],
        alive: Callable[[float, float], None],
        say: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._facts = facts
        self._tidy = tidy
        self._alive = alive
        self._say = say
        self._clock = clock
        self._id = ""
        self._claims: SimpleQueue[tuple[OrderKey, Future[str], Callable[[], None]]] = SimpleQueue()
        self._unsent: list[tuple[OrderKey, str, str, Any]] = []
        self._ended: dict[OrderKey, Callable[[], None]] = {}
        self._watch = Watch()
        self._beat_at = 0.0
        self._link = Link(url, queue_orders.ORDERS, "runbook worker", clock=clock, lost=self._tell_lost)
        self._attempts = WorkerAttempts(make, self._link.wake, clock=clock)
        self._draining = False
        self._over = False
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def start(self) -> None:
        """Say that this worker works.

        Raises:
            psycopg.Error: the database can't be reached, or this role may not.
        """
        self._beat(self._link.connection())
        self._thread.start()

    def claim(self, key: OrderKey, ended: Callable[[], None]) -> "Future[str]":
        """Begin an order. Gives `begun`; `later`: its run's lease is not held just now; or `gone`.

        Args:
            ended: called, in any thread, when a begun order's attempt ended.
        """
        asked: Future[str] = Future()
        self._claims.put((key, asked, ended))
        self._link.wake()
        return asked

    @property
    def busy(self) -> int:
        """Number of attempts that run or whose report is not written yet."""
        return len(self._attempts.keys) + len(self._unsent)

    def drain(self) -> None:
        """Begin nothing more; what runs ends as it ends."""
        self._draining = True
        self._beat_at = 0.0
        self._link.wake()

    def cancel_all(self) -> None:
        """Ask every attempt to end."""
        for key in self._attempts.keys:
            self._attempts.end(key)

    def close(self, seconds: float) -> None:
        """Say that this worker ended, if the database can be reached within that time."""
        self._over = True
        self._link.wake()
        self._thread.join(seconds)

    def _tell_lost(self, why: str) -> None:
        self._say(f"the database can't be reached ({why}); nothing new is begun, and what runs goes on")

    def _work(self) -> None:
        while True:
            try:
                connection = self._link.connection()
                self._turn(connection)
                if self._over and not self._unsent:
                    queue_claims.retire(connection, self._id)
                    return
                self._link.wait(BEAT_SECONDS)
            except psycopg.Error as error:
                self._watch.blind()
                self._refuse_claims()
                if self._over:
                    return
                self._link.pause(error)

    def _turn(self, connection: Any) -> None:
        self._attempts.give_up_overdue()
        self._send(connection)
        if self._clock.monotonic() >= self._beat_at:
            self._beat(connection)
            self._sweep(connection)
            self._tidy_up(connection)
        self._compare(connection)
        self._answer_claims(connection)

    def _answer_claims(self, connection: Any) -> None:
        while True:
            try:
                key, asked, ended = self._claims.get_nowait()
            except Empty:
                return
            if not asked.set_running_or_notify_cancel():
                continue  # whoever asked has ended, and the job goes back to its queue
            try:
                answer = self._claim(connection, key)
            except psycopg.Error:
                asked.set_result("later")
                raise
            if answer == "begun":
                self._ended[key] = ended
            asked.set_result(answer)

    def _beat(self, connection: Any) -> None:
        """Say that we work. Who was given up begins anew under another name, and lets go of what it did."""
        asked_at = self._clock.monotonic()
        if not self._id or not queue_claims.beat(connection, self._id, draining=self._draining):
            if self._id:
                self._say("this worker was given up while it could not be seen; what it did is settled without it")
            for key in self._attempts.keys:
                self._let_go(key)
            self._id = uuid.uuid4().hex
            queue_claims.register(connection, self._id, self._facts)
        self._alive(asked_at, STALL_SECONDS)
        self._beat_at = asked_at + BEAT_SECONDS

    def _sweep(self, connection: Any) -> None:
        """Give up the workers that vanished; who ordered what they did may be gone, too."""
        beats = {row.id: row.beat for row in queue_orders.workers(connection) if row.id != self._id}
        queue_orders.lose(connection, sorted(self._watch.look(beats, self._clock.monotonic())))

    def _tidy_up(self, connection: Any) -> None:
        found = queue_claims.take_tidy(connection, self._facts.queues, _TIDY_AT_ONCE)
        if found:
            orders = [(read_order(body), facts) for _, body, facts in found]
            threading.Thread(target=self._tidy_all, args=(orders,), name="tidy", daemon=True).start()

    def _tidy_all(self, orders: list[tuple[SentOrder, str]]) -> None:
        for sent, facts in orders:
            self._tidy(sent, facts)

    def _compare(self, connection: Any) -> None:
        """Make what we do agree with what the database says that we do."""
        ours = self._attempts.keys
        begun = queue_claims.mine(connection, self._id)
        unsent = {key for key, *_ in self._unsent}
        for key in ours - begun.keys():
            if key in self._attempts.keys:
                self._let_go(key)
        for key, cancel in begun.items():
            if cancel:
                self._attempts.end(key)
            if key not in ours and key not in unsent and key not in self._attempts.keys and not self._is_reported(key):
                self._begin(connection, key)  # the answer to our claim was lost

    def _is_reported(self, key: OrderKey) -> bool:
        """Whether an attempt ended since we looked at what runs; takes its report."""
        self._take_reports()
        return any(key == one for one, *_ in self._unsent)

    def _claim(self, connection: Any, key: OrderKey) -> str:
        if self._draining or len(self._attempts.keys) >= self._facts.slots:
            return "later"
        if not queue_claims.claim(connection, self._id, self._facts.host, key):
            return "later" if queue_claims.may_come(connection, key) else "gone"
        self._begin(connection, key)
        return "begun"

    def _begin(self, connection: Any, key: OrderKey) -> None:
        claimed = queue_claims.read(connection, key)
        sent = read_order(claimed.body)
        target = sent.order.target
        elsewhere = claimed.before if claimed.before != self._facts.host and sent.order.settle else ""
        if not is_local(target.name, target.variables):
            elsewhere = ""
        self._attempts.begin(key, sent._replace(order=sent.order._replace(elsewhere=elsewhere)), claimed)

    def _refuse_claims(self) -> None:
        while True:
            try:
                _, asked, _ = self._claims.get_nowait()
            except Empty:
                return
            if asked.set_running_or_notify_cancel():
                asked.set_result("later")

    def _let_go(self, key: OrderKey) -> None:
        self._attempts.end(key, drop=True)
        self._call_ended(key)

    def _call_ended(self, key: OrderKey) -> None:
        ended = self._ended.pop(key, None)
        if ended is not None:
            ended()

    def _take_reports(self) -> None:
        while (one := self._attempts.report()) is not None:
            key, report = one
            self._unsent.append((key, self._id, report_text(report), report.output))
            self._call_ended(key)

    def _send(self, connection: Any) -> None:
        """Say what attempts said."""
        for key, text in self._attempts.progress().items():
            queue_claims.progress(connection, self._id, key, text)
        self._take_reports()
        while self._unsent:
            key, worker, text, output = self._unsent[0]
            if not queue_claims.report(connection, worker, key, text, output):
                self._say(f"{key.task} of run {key.run} ended after it was settled without us; nothing was written")
            del self._unsent[0]
