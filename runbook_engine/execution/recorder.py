"""Writes what happens into the journal in batches, holds the lease, and reads what others wrote meanwhile."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from runbook_engine.execution.loop_tools import RunOptions, RunTools
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import JournalUnavailableError, LeaseError
from runbook_engine.model.event import AttemptFinished, Event, StoredEvent
from runbook_engine.model.outcome import Grade
from runbook_engine.model.signed_answer import GateAnswer
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport, EndedAttempt
from runbook_engine.ports.journal import Lease

T = TypeVar("T")

_JOURNAL_LOOK = 1.0


class Recorder:
    """The loop's pen: `add` takes an event into the state at once, `flush` makes the batch durable.

    Nothing that touches a target is submitted before the flush that holds its `attempt.started`.
    """

    def __init__(self, state: RunState, tools: RunTools, options: RunOptions) -> None:
        self._state = state
        self._tools = tools
        self._options = options
        self._lease = tools.lease
        self._others = {lease.name: lease for lease in tools.also_renew}
        self._events: list[Event] = []
        self._outputs: dict[tuple[str, int], Mapping[str, bytes]] = {}
        self._settled: list[AttemptOrder] = []
        self._ended: list[EndedAttempt] = []
        self._grades: dict[str, Grade] = {}
        now, seconds = tools.clock.monotonic(), options.lease_seconds
        self._renew_at = now + seconds / 3
        # The lease was taken a while ago, nobody here knows when: less than a third of it, by all that is done between.
        tools.term.renewed(now, seconds * 2 / 3)
        self._poll_at = 0.0
        tools.news.known = state.seq

    @property
    def pending(self) -> bool:
        """Whether there are events that are not durable yet."""
        return bool(self._events)

    def add(self, event: Event) -> None:
        """Queue an event for the next batch."""
        self._events.append(event)
        self._state.apply_event(event, self._tools.clock.now())
        if isinstance(event, AttemptFinished) and event.grade is not None:
            self._grades[event.task] = event.grade

    def add_report(self, report: AttemptReport) -> None:
        """Queue how an attempt ended, with its captured output."""
        event = AttemptFinished(
            task=report.task,
            number=report.number,
            outcome=report.outcome,
            finding=report.finding,
            outputs=report.outputs,
            grade=report.grade,
            seconds=round(report.seconds, 6),
            error=report.error,
            output_digest={name: hashlib.sha256(data).hexdigest() for name, data in report.output.items()},
            in_doubt=report.in_doubt,
            unbegun=report.unbegun,
        )
        self.add(event)
        self._ended.append(EndedAttempt(report.task, report.number, report.in_doubt))
        if report.output:
            self._outputs[report.task, report.number] = report.output

    def settled(self, order: AttemptOrder) -> None:
        """After the next flush, let go of what was kept on the target for a reattach."""
        self._settled.append(order)

    def flush(self, orders: Sequence[AttemptOrder] = ()) -> list[Event]:
        """Make the batch durable and tell the listener; give what others wrote before it and what counts of it.

        Args:
            orders: what the batch says is begun; where orders are written down, that is done in its transaction.

        Raises:
            JournalError: it can't be written.
            LeaseError: the run was taken over; nothing was written.
        """
        others: list[Event] = []
        if self._events:
            stored = self._append(orders)
            if stored[0].seq != self._state.seq + 1:
                others = self._read_others(before=stored[0].seq)
            self._events = []
            self._outputs = {}
            for event in stored:
                self._state.recorded(event)
                self._tools.listener.event(event)
            self._tools.news.known = self._state.seq
            settled, self._settled = self._settled, []
            for order in settled:
                self._tools.dispatcher.settled(order)
        self._renew()
        return others

    def _append(self, orders: Sequence[AttemptOrder]) -> list[StoredEvent]:
        ended, self._ended = self._ended, []
        also = self._tools.dispatcher.enlist(orders, ended)
        return self._patiently(
            lambda: self._tools.journal.append(
                self._options.run, self._events, self._tools.actor, lease=self._lease, outputs=self._outputs, also=also
            )
        )

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask the journal; while it is away, wait a bounded time with nothing new begun, and ask again."""
        end = self._tools.clock.monotonic() + self._options.journal_patience
        told = False
        while True:
            try:
                return ask()
            except JournalUnavailableError as error:
                if self._tools.clock.monotonic() >= end:
                    raise
                if not told:
                    self._tools.listener.warning(f"nothing new is started: {error.message}")
                told = True
                self._tools.clock.sleep(_JOURNAL_LOOK)

    @property
    def look_seconds(self) -> float:
        """Seconds between two looks at what others wrote."""
        return self._options.heard_seconds if self._tools.news.hears else self._options.poll_seconds

    def poll(self) -> list[Event]:
        """Give what others wrote since the last look; a decision that came second changes nothing, and is left out."""
        now = self._tools.clock.monotonic()
        news = self._tools.news.taken()
        if now < self._poll_at and not news:
            return []
        self._poll_at = now + self.look_seconds
        if self._patiently(lambda: self._tools.journal.version(self._options.run)) == self._state.seq:
            return []
        return self._read_others(before=None)

    def hold(self, name: str) -> bool:
        """Take a lease besides the run's own, such as a mutex; false while another run has it."""
        if name not in self._others:
            try:
                seconds = 4 * self._options.lease_seconds
                self._others[name] = self._patiently(
                    lambda: self._tools.journal.take_lease(name, self._lease.holder, seconds)
                )
            except LeaseError:
                return False
        return True

    def drop(self, name: str) -> None:
        """Give such a lease back, if it is held."""
        lease = self._others.pop(name, None)
        if lease is not None:
            self._patiently(lambda: self._tools.journal.release_lease(lease))

    def proven(self, tasks: int) -> float:
        """Give the share of the plan's tasks that a dry run proved."""
        return sum(grade is Grade.PROVEN for grade in self._grades.values()) / tasks if tasks else 0.0

    def _read_others(self, *, before: int | None) -> list[Event]:
        found: list[Event] = []
        for stored in self._patiently(lambda: list(self._tools.journal.read(self._options.run, after=self._state.seq))):
            if before is not None and stored.seq >= before:
                break
            counts = self._state.apply(stored)
            self._tools.listener.event(stored)
            if counts or isinstance(stored.event, GateAnswer):  # (of a void signature there is something to record)
                found.append(stored.event)
        self._tools.news.known = self._state.seq
        return found

    def _renew(self) -> None:
        now = self._tools.clock.monotonic()
        if now >= self._renew_at:
            seconds = self._options.lease_seconds
            self._lease = self._renewed(self._lease, seconds)
            for name, lease in self._others.items():
                self._others[name] = self._renewed(lease, 4 * seconds)
            self._renew_at = now + self._options.lease_seconds / 3
            self._tools.term.renewed(now, seconds)

    def _renewed(self, lease: Lease, seconds: float) -> Lease:
        return self._patiently(lambda: self._tools.journal.renew_lease(lease, seconds))
