"""The use case `monitor`: looks at triggers again and again, and tells people, once, when they have to know."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runbook_engine import version
from runbook_engine.app.run_runbook import run_id
from runbook_engine.execution.alarm_board import AlarmBoard, Owed
from runbook_engine.execution.alarm_rules import Look, Watch, judge, over, retry_at
from runbook_engine.model.errors import JournalError, JournalUnavailableError, LeaseError
from runbook_engine.model.event import (
    Actor,
    AlarmTold,
    Event,
    LeaseLost,
    LeaseTaken,
    MonitorClosed,
    MonitorOpened,
    StoredEvent,
)
from runbook_engine.model.event_monitor import Alarm
from runbook_engine.model.json import JsonObject
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptReport
from runbook_engine.ports.journal import Holder, Journal, Lease
from runbook_engine.ports.listener import Listener

LEASE_SECONDS = 120.0
_RENEW_SECONDS = 20.0
_LONGEST_RECORD = 5000  # events; then another record goes on
_LONGEST_BACK_OFF = 300.0
_LONGEST_RETRY_AFTER = 1800.0


class World(Protocol):
    """What the monitor watches, and its hands."""

    @property
    def watches(self) -> Mapping[str, Watch]:
        """Every trigger that is watched, by id."""
        ...

    @property
    def channels(self) -> Sequence[str]:
        """The channels over which people are told."""
        ...

    def refresh(self) -> str:
        """Read what is watched anew if its files changed; says what came of that, nothing when they did not."""
        ...

    def look(self, names: Sequence[str], stop: CancelSignal) -> Iterable[tuple[str, Look]]:
        """Look at triggers; those that give nothing in time are unknown. Ends early when it is to stop."""
        ...

    def tell(self, owed: Owed) -> AttemptReport:
        """Tell people of an alarm."""
        ...


@dataclass(frozen=True, slots=True)
class MonitorOptions:
    """How it goes about it.

    Attributes:
        every: seconds between two looks at a trigger, a tenth more or less.
        once: look once, and end.
        patience: seconds to wait for a journal that can't be written for the moment.
    """

    every: float = 60.0
    once: bool = False
    patience: float = 300.0
    lease_seconds: float = LEASE_SECONDS
    longest_record: int = _LONGEST_RECORD


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """How it stands when the monitor ends: the alarms that stand, and the triggers that can't be told."""

    standing: tuple[Alarm, ...]
    unknown: tuple[str, ...]


@dataclass(slots=True)
class Monitor:
    """Watches the triggers of one inventory; only one monitor of it works at a time, by a lease.

    Attributes:
        on_round: called after every round, for whoever wants to know that it lives.
        on_look: called with the trigger and the verdict of each look.
    """

    journal: Journal
    world: World
    clock: Clock
    stop: CancelSignal
    listener: Listener
    actor: Actor
    holder: Holder
    inventory: str
    options: MonitorOptions = field(default_factory=MonitorOptions)
    on_round: Callable[[], None] = lambda: None
    on_look: Callable[[str, str], None] = lambda _trigger, _verdict: None
    board: AlarmBoard = field(default_factory=AlarmBoard)
    _record: str = ""
    _lease: Lease | None = None
    _renewed: float = 0.0
    _next: dict[str, float] = field(default_factory=dict)
    _unknown: dict[str, int] = field(default_factory=dict)
    _looked: set[str] = field(default_factory=set)
    _unwritten: list[AlarmTold] = field(default_factory=list)
    _failing_since: float | None = None

    def begin(self) -> None:
        """Take the lease and go on from the newest record.

        Raises:
            LeaseError: another monitor has it.
            JournalError: the journal can't be read or written.
        """
        try:
            self._lease = self.journal.take_lease(f"monitor:{self.inventory}", self.holder, self.options.lease_seconds)
        except LeaseError as error:
            # A run's lease can be taken over by hand; a monitor's never needs to be.
            hint = "one monitor of an inventory is enough: end that one first; if it is dead, its time ends by itself"
            raise LeaseError(error.message, hint=hint) from error
        self._renewed = self.clock.monotonic()
        self._open()
        if not self.options.once:
            self._append([LeaseTaken(holder=str(self.holder), fence=self._lease.fence)])

    def run(self) -> MonitorResult:
        """Look until it is told to stop (or once), and give the lease back however that ends.

        Raises:
            LeaseError: another monitor took over; nothing was done since.
            JournalError: the journal could not be written for too long.
        """
        try:
            while not self.stop.is_set():
                wait = self._try_round()
                if self.options.once or self.clock.wait(self.stop, wait):
                    break
        finally:
            self._end()
        unknown = tuple(name for name in self.world.watches if self._verdict(name) in {"unknown", ""})
        return MonitorResult(tuple(self.board.all_standing()), unknown)

    def _try_round(self) -> float:
        """Make a round, and give the seconds until the next; a journal that is away for a while is waited for."""
        try:
            self._round()
        except JournalUnavailableError as error:
            now = self.clock.monotonic()
            self._failing_since = now if self._failing_since is None else self._failing_since
            if self.options.once or now - self._failing_since >= self.options.patience:
                raise
            self.listener.warning(f"the journal can't be written, and is tried again: {error.message}")
            return min(1.0 + now - self._failing_since, 30.0)
        self._failing_since = None
        self.on_round()
        return self._wait_seconds()

    def _round(self) -> None:
        if self._failing_since is not None:
            self._open()  # what was to be written last may have arrived
            self._write_told()
        self._renew()
        if said := self.world.refresh():
            self.listener.warning(said)
        watches = self.world.watches
        now = self.clock.monotonic()
        due = [name for name in watches if self._next.get(name, now) <= now]
        for name, look in self.world.look(due, self.stop):
            if self.stop.is_set():
                return  # a look that was broken off by that says nothing
            if name in watches:
                self.on_look(name, look.verdict)
                self._append(judge(self.board, watches[name], look))
                self._looked.add(name)
                self._plan_next(name, look)
        if self.stop.is_set():
            return
        self._append(over(self.board, watches, self._looked, self.clock.now()))
        for owed in self.board.owed(self.world.channels, self.clock.now()):
            if self.stop.is_set():
                return
            self._renew(always=True)  # whoever was frozen meanwhile must not tell what another one told
            self._unwritten.append(self._told(owed, self.world.tell(owed)))
            self._write_told()

    def _write_told(self) -> None:
        """Record who was told; what can't be written now is kept, so that nobody is told once more for it."""
        for event in tuple(self._unwritten):
            if not self.board.knows(event):
                self._append([event])
            self._unwritten.remove(event)

    def _told(self, owed: Owed, report: AttemptReport) -> AlarmTold:
        number = owed.telling.attempts + 1
        well = report.outcome.ended_well
        return AlarmTold(
            alarm=owed.alarm.id,
            phase=owed.phase,
            channel=owed.channel,
            number=number,
            outcome=report.outcome,
            error=report.error,
            next_at=None if well else retry_at(self.clock.now(), number, for_good=report.for_good),
            outputs=report.outputs,
        )

    def _plan_next(self, name: str, look: Look) -> None:
        """Say when a trigger is looked at next: later, the longer it can't be told, and when the page asks for it."""
        blind = self._unknown[name] = self._unknown.get(name, 0) + 1 if look.verdict == "unknown" else 0
        every = self.options.every
        wait = min(every * 2 ** min(max(blind - 1, 0), 10), max(every, _LONGEST_BACK_OFF))
        wait = max(wait, min(_retry_after(look.evidence), _LONGEST_RETRY_AFTER))
        wait *= random.uniform(0.9, 1.1)  # noqa: S311 - jitter is no secret
        self._next[name] = self.clock.monotonic() + wait

    def _wait_seconds(self) -> float:
        """Give the seconds until something is to be done: a look, a renewal of the lease, a message."""
        now = self.clock.monotonic()
        waits = [self._next.get(name, now) - now for name in self.world.watches]
        return max(0.05, min([*waits, _RENEW_SECONDS]))

    def _renew(self, *, always: bool = False) -> None:
        now = self.clock.monotonic()
        if self._lease is not None and (always or now - self._renewed >= _RENEW_SECONDS / 2):
            self._lease = self.journal.renew_lease(self._lease, self.options.lease_seconds)
            self._renewed = now

    def _append(self, events: Sequence[Event]) -> None:
        """Record events and take note of them; nothing is done about anything that is not recorded."""
        if not events:
            return
        self._take(self.journal.append(self._record, events, self.actor, lease=self._lease))
        if self.board.seq >= self.options.longest_record:
            self.journal.append(self._record, [MonitorClosed()], self.actor, lease=self._lease)
            self._go_on()

    def _take(self, stored: Iterable[StoredEvent]) -> None:
        for one in stored:
            self.board.take([one])
            self.listener.event(one)

    def _open(self) -> None:
        """Read the newest record of the inventory's, and open another one if that is over."""
        self.board = AlarmBoard()
        heads = [head for head in self.journal.monitor_records() if head.inventory == self.inventory]
        newest = heads[0] if heads else None
        if newest is not None and not newest.pruned:
            self.board.take(self.journal.read(newest.id))
        if newest is not None and newest.status == "open":
            self._record = newest.id
        else:
            self._go_on()

    def _go_on(self) -> None:
        opened = MonitorOpened(inventory=self.inventory, engine_version=version(), state=self.board.snapshot())
        name = run_id("monitor", self.clock.now())
        stored = self.journal.open_run(name, opened, self.actor, lease=self._lease)
        self._record, self.board.seq = name, stored.seq
        self.listener.event(stored)

    def _end(self) -> None:
        """Give the lease back; what can't be written any more is only told."""
        if self._lease is None:
            return
        try:
            if not self.options.once:
                why = "ended" if self.stop.is_set() else "broke off"
                self._append([LeaseLost(fence=self._lease.fence, reason=why)])
            self.journal.release_lease(self._lease)
        except (JournalError, LeaseError) as error:
            self.listener.warning(f"the end of the monitor could not be recorded: {error.message}")

    def _verdict(self, name: str) -> str:
        sighting = self.board.triggers.get(name)
        return sighting.verdict if sighting is not None else ""


def _retry_after(evidence: JsonObject) -> float:
    """Give the seconds that a page asks to be left alone for (`Retry-After`), 0 when it does not."""
    sources = evidence.get("sources")
    listed = sources if isinstance(sources, list | tuple) else ()
    said = [str(one.get("retry_after", "")) for one in (evidence, *listed) if isinstance(one, Mapping)]
    return float(max((int(text) for text in said if text.isascii() and text.isdigit()), default=0))
