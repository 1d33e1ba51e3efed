"""A worker's hold on the database: its heartbeat, the orders that it begins, and how they ended."""

import threading
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

import psycopg

from runbook_engine.dispatchers import queue_claims, queue_orders
from runbook_engine.dispatchers.queue_claims import Claimed, Ended, OrderKey, WorkerFacts
from runbook_engine.dispatchers.queue_link import Link
from runbook_engine.dispatchers.queue_list import refusal
from runbook_engine.dispatchers.queue_watch import BEAT_SECONDS, STALL_SECONDS, Watch
from runbook_engine.dispatchers.queue_wire import SentOrder, may_settle, read_order, report_text
from runbook_engine.dispatchers.worker_attempts import Make, WorkerAttempts
from runbook_engine.dispatchers.worker_tidy import AT_ONCE, Tidier
from runbook_engine.model.connection_variables import is_local
from runbook_engine.ports.clock import Clock

_TOLD_AT_ONCE, _TOLD_BYTES = 64, 4 * 2**20  # reports in one statement, and about how much output with them
_Claim = tuple[OrderKey, "Future[str]", Callable[[], None]]


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
        self._alive = alive
        self._say = say
        self._clock = clock
        self._id = ""
        self._claims: SimpleQueue[_Claim] = SimpleQueue()
        self._unsent: deque[Ended] = deque()
        self._ended: dict[OrderKey, Callable[[], None]] = {}
        self._watch = Watch()
        self._beat_at = 0.0
        self._compared: object = None  # the connection over which we saw what the database says that we do
        self._link = Link(url, queue_orders.ORDERS, "runbook worker", clock=clock, lost=self._tell_lost)
        self._attempts = WorkerAttempts(make, self._link.wake, clock=clock)
        self._tidier = Tidier(tidy, say, self._link.wake)
        self._draining = False
        self._over = False
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def start(self) -> None:
        """Say that this worker works.

        Raises:
            UnreachableError: the database can't be asked.
            RefusedError: this role may not.
        """
        try:
            self._beat(self._link.connection())
        except psycopg.Error as error:
            self._link.let_go()
            raise refusal(error) from error
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
    def name(self) -> str:
        """The id under which this worker is known just now; another one after it was given up."""
        return self._id

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
        came: set[str] = set()
        while True:
            try:
                connection = self._link.connection()
                self._turn(connection, asked=self._id in came)
                if self._over and not self._unsent:
                    queue_claims.retire(connection, self._id)
                    self._link.let_go()
                    return
                came = self._link.wait(BEAT_SECONDS)
            except psycopg.Error as error:
                self._watch.blind()
                self._refuse_claims()
                if self._over:
                    self._link.let_go()
                    return
                self._link.pause(error)

    def _turn(self, connection: Any, *, asked: bool) -> None:
        """Do all that there is to do; `asked`: something was asked of us."""
        self._attempts.give_up_overdue()
        self._send(connection)
        if self._clock.monotonic() >= self._beat_at:
            self._beat(connection)
        elif asked or self._compared is not connection:
            self._compare(connection, self._attempts.keys, queue_claims.mine(connection, self._id))
        self._compared = connection
        if self._tidier.more and not self._tidier.busy:
            self._tidier.begin(queue_claims.take_tidy(connection, self._facts.queues, AT_ONCE))
        self._answer_claims(connection)

    def _answer_claims(self, connection: Any) -> None:
        """Begin what there is room for, all at once."""
        asked = self._asked()
        room = 0 if self._draining else self._facts.slots - len(self._attempts.keys)
        try:
            keys = [key for key, _, _ in asked[: max(0, room)]]
            begun = queue_claims.claim(connection, self._id, self._facts.host, keys) if keys else {}
            while asked:
                key, answer, ended = asked[0]
                if claimed := begun.pop(key, None):  # once, also when two jobs bring it at the same time
                    self._begin(key, claimed)
                    self._ended[key] = ended
                    answer.set_result("begun")
                elif key not in keys or queue_claims.may_come(connection, key):
                    answer.set_result("later")
                else:
                    answer.set_result("gone")
                del asked[0]
        except psycopg.Error:
            for _, answer, _ in asked:
                answer.set_result("later")
            raise

    def _asked(self) -> list[_Claim]:
        """Take what is asked for; whoever asked and has ended puts its job back into its queue."""
        found: list[_Claim] = []
        while True:
            try:
                one = self._claims.get_nowait()
            except Empty:
                return found
            if one[1].set_running_or_notify_cancel():
                found.append(one)

    def _beat(self, connection: Any) -> None:
        """Say that we work, and look around. Who was given up begins anew under another name, and lets go of all."""
        asked_at, ours = self._clock.monotonic(), self._attempts.keys
        tidies = AT_ONCE if self._id and not self._tidier.busy else 0
        heard = queue_claims.beat(
            connection, self._id, draining=self._draining, queues=self._facts.queues, tidies=tidies
        )
        if tidies:
            self._tidier.begin(heard.left)
        if heard.known:
            self._compare(connection, ours, heard.begun)
        else:
            self._begin_anew(connection)
        self._alive(asked_at, STALL_SECONDS)
        self._beat_at = asked_at + BEAT_SECONDS
        beats = {row.id: row.beat for row in heard.workers if row.id != self._id}
        # Who ordered what those did that vanished may be gone, too.
        if vanished := self._watch.look(beats, self._clock.monotonic()):
            queue_orders.lose(connection, sorted(vanished))

    def _begin_anew(self, connection: Any) -> None:
        if self._id:
            self._say("this worker was given up while it could not be seen; what it did is settled without it")
        for key in self._attempts.keys:
            self._let_go(key)
        self._id = uuid.uuid4().hex
        queue_claims.register(connection, self._id, self._facts)

    def _compare(self, connection: Any, ours: set[OrderKey], begun: dict[OrderKey, bool]) -> None:
        """Make what we do (`ours`: before the database was asked) agree with what it says that we do."""
        for key in ours - begun.keys():
            if key in self._attempts.keys:
                self._let_go(key)
        self._take_reports()  # what ended since we looked at what runs
        known = ours | self._attempts.keys | {one.key for one in self._unsent}
        for key, cancel in begun.items():
            if cancel:
                self._attempts.end(key)
        if unheard := [key for key in begun if key not in known]:  # the answer to our claim was lost
            for key, claimed in queue_claims.read(connection, unheard).items():
                self._begin(key, claimed)

    def _begin(self, key: OrderKey, claimed: Claimed) -> None:
        try:
            sent = read_order(claimed.body)
        except ValueError as error:
            self._attempts.refuse(key, f"the worker refused it: {error}", in_doubt=may_settle(claimed.body))
            return
        target = sent.order.target
        elsewhere = claimed.before if claimed.before != self._facts.host and sent.order.settle else ""
        if not is_local(target.name, target.variables):
            elsewhere = ""
        self._attempts.begin(key, sent._replace(order=sent.order._replace(elsewhere=elsewhere)), claimed)

    def _refuse_claims(self) -> None:
        for _, answer, _ in self._asked():
            answer.set_result("later")

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
            self._unsent.append(Ended(key, self._id, report_text(report), report.output))
            self._call_ended(key)

    def _send(self, connection: Any) -> None:
        """Say what attempts said."""
        if said := self._attempts.progress():
            queue_claims.progress(connection, self._id, said)
        self._take_reports()
        while self._unsent:
            some = self._some_unsent()
            written = queue_claims.report(connection, some)
            for key in (one.key for one in some if one.key not in written):
                self._say(f"{key.task} of run {key.run} ended after it was settled without us; nothing was written")
            for _ in some:
                self._unsent.popleft()

    def _some_unsent(self) -> list[Ended]:
        """Give as many reports as are told at once."""
        some: list[Ended] = []
        size = 0
        for one in self._unsent:
            size += sum(map(len, one.output.values()))
            if some and (len(some) == _TOLD_AT_ONCE or size > _TOLD_BYTES):
                break
            some.append(one)
        return some
