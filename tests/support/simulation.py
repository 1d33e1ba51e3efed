"""Runs the real loop on a virtual clock, with attempts that a function makes up and a journal in memory."""

import heapq
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.execution.loop_tools import Interrupts, RunEnd, RunOptions, RunTools
from runbook_engine.execution.orders import OrderMaker, RunNames
from runbook_engine.execution.run_plan import run_plan
from runbook_engine.execution.state import RunState
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.event import Actor, Event, LeaseTaken, RunOpened, StoredEvent
from runbook_engine.model.outcome import Finding, Mode, Outcome, satisfied
from runbook_engine.model.plan import Plan
from runbook_engine.model.team import Team
from runbook_engine.ports.action import (
    Action,
    Effect,
    Params,
)
from runbook_engine.ports.catalog import CatalogEntry
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport, EndedAttempt, Message
from runbook_engine.ports.journal import Holder

RUN = "20260101-000000-test-0000"
ENGINE = Actor(kind="engine", name="engine", os_user="root", host="here")
HOLDER = Holder(host="here", boot="b", pid=1, started=1)


class VirtualClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.seconds += seconds
        return event.is_set()


class Killed(BaseException):
    """The process is gone, here and now."""


@dataclass
class Attempted:
    """What a made-up attempt gives: how long it takes, and its report."""

    seconds: float
    report: AttemptReport


Make = Callable[[AttemptOrder], Attempted]


DOOMSDAY = 1e9  # seconds that an attempt takes which nobody begins


class FakeDispatcher:
    """Attempts end at their virtual time, in that order."""

    def __init__(self, clock: VirtualClock, make: Make, look: Make) -> None:
        self._clock = clock
        self._make = make
        self._look = look
        self._due: list[tuple[float, int, AttemptReport]] = []
        self._count = 0
        self.orders: list[AttemptOrder] = []
        self.looks: list[AttemptOrder] = []
        self.forgotten: list[str] = []
        self.most_at_once = 0
        self.cancelled: list[str] = []
        self.elsewhere: dict[tuple[str, int], tuple[AttemptOrder, Attempted]] = {}
        self.enlisted: list[tuple[str, int]] = []
        self.ended: list[EndedAttempt] = []
        self.recalled = 0

    def enlist(self, orders: Sequence[AttemptOrder], ended: Sequence[EndedAttempt]) -> None:
        self.enlisted += [(order.task, order.number) for order in orders]
        self.ended += ended

    def adopt(self, task: str, number: int) -> AttemptOrder | None:
        order, made = self.elsewhere.pop((task, number), (None, None))
        if made is not None:
            self._count += 1
            heapq.heappush(self._due, (self._clock.seconds + made.seconds, self._count, made.report))
        return order

    def recall(self) -> None:
        """Take back what takes until doomsday: nobody has begun that."""
        self.recalled += 1
        unbegun = [one for one in self._due if one[0] >= DOOMSDAY]
        for one in unbegun:
            self._due.remove(one)
            report = AttemptReport(one[2].task, one[2].number, Outcome.FAILED, error="nobody began it", unbegun=True)
            self._due.append((self._clock.seconds, one[1], report))
        heapq.heapify(self._due)

    def submit(self, order: AttemptOrder) -> None:
        (self.looks if order.look else self.orders).append(order)
        made = self._look(order) if order.look else self._make(order)
        self._count += 1
        heapq.heappush(self._due, (self._clock.seconds + made.seconds, self._count, made.report))
        self.most_at_once = max(self.most_at_once, len(self._due))

    def settled(self, order: AttemptOrder) -> None:
        self.forgotten.append(order.token)

    def receive(self, timeout: float) -> Message | None:
        end = self._clock.seconds + timeout
        if self._due and self._due[0][0] <= end:
            due, _, report = heapq.heappop(self._due)
            self._clock.seconds = max(self._clock.seconds, due)
            return report
        self._clock.seconds = end
        return None

    def wake(self, reason: str = "") -> None:
        """Nothing sleeps here."""

    def cancel(self, task: str) -> None:
        self.cancelled.append(task)

    def close(self) -> None:
        """Nothing to give back."""


class DoParams(Params):
    model_config = {"extra": "allow"}


class Do(Action[DoParams]):
    """Does nothing by itself: the fake dispatcher makes its outcome up."""

    name = "test.do"
    Params = DoParams

    def check(self, params, context) -> Finding:
        return satisfied()


class Once(Do):
    """The same, with an effect that nobody can check."""

    name = "test.once"
    effect = Effect.ONCE


class Reattached(Do):
    """The same, with an effect that a reattach finds by the attempt's token."""

    name = "test.reattached"
    effect = Effect.TOKEN


class Tell(Once):
    """A message, to whomever."""

    name = "test.tell"
    addressees = ("audience", "to")
    words = ("text", "html")
    html = ("html",)


class FakeCatalog:
    """A catalogue of given actions."""

    def __init__(self, *actions: Action) -> None:
        self._actions = {action.name: action for action in actions}

    def get(self, name: str):
        return self._actions.get(name)

    def names(self) -> Sequence[str]:
        return sorted(self._actions)

    def entry(self, name: str) -> CatalogEntry:
        return CatalogEntry(name=name, summary="", origin="tests/plugin.py")

    def versions(self) -> Mapping[str, str]:
        return {}


class Quiet:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.warnings: list[str] = []

    def event(self, stored: StoredEvent) -> None:
        self.events.append(stored)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def progress(self, progress) -> None:
        """Not recorded."""


def ended(order: AttemptOrder, outcome: Outcome = Outcome.CHANGED, seconds: float = 1.0, **more) -> Attempted:
    """An attempt that ended so."""
    return Attempted(seconds, AttemptReport(order.task, order.number, outcome, seconds=seconds, **more))


def as_it_was(order: AttemptOrder) -> Attempted:
    """A look that finds a task as it ended."""
    return ended(order, Outcome.UNCHANGED, 0.1)


@dataclass
class Simulation:
    """One run over any number of processes: each `advance` is a process that starts from the journal alone."""

    plan: Plan
    make: Make = ended
    look: Make = as_it_was
    mode: Mode = Mode.LIVE
    journal: MemoryJournal = field(default=None)
    clock: VirtualClock = field(default_factory=VirtualClock)
    catalog: FakeCatalog = field(default_factory=lambda: FakeCatalog(Do(), Once(), Reattached(), Tell()))
    listener: Quiet = field(default_factory=Quiet)
    interrupts: Interrupts = field(default_factory=Interrupts)
    dispatcher: FakeDispatcher = field(default=None)
    dead: bool = True
    machine: str = "here"
    term: LeaseTerm = field(default_factory=LeaseTerm)
    team: Team = field(default_factory=Team)
    elsewhere: dict = field(default_factory=dict)
    live: RunState | None = None

    def __post_init__(self) -> None:
        self.journal = self.journal or MemoryJournal(self.clock, dead=lambda _: self.dead)
        self.journal.open_run(
            RUN,
            RunOpened(
                runbook="test", inventory="test", mode=self.mode, fingerprint=self.plan.fingerprint, engine_version="0"
            ),
            ENGINE,
        )

    @property
    def state(self) -> RunState:
        return RunState(RUN, self.journal.read(RUN))

    @property
    def events(self) -> list[Event]:
        return [stored.event for stored in self.journal.read(RUN)]

    def kinds(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def outcomes(self) -> dict[str, str]:
        return {name: str(task.outcome) for name, task in self.state.tasks.items() if task.outcome}

    def say(self, event: Event) -> None:
        """Append what a person says from another process."""
        self.journal.append(RUN, [event], Actor(name="dana"))

    def advance(
        self, *, journal=None, make: Make | None = None, forks: int = 50, wait: bool = False, skip=None, no_recheck=""
    ) -> RunEnd:
        journal = journal or self.journal
        state = self.state
        lease = self.journal.take_lease(f"run:{RUN}", HOLDER, 15.0, take_over=True)
        for stored in self.journal.append(
            RUN, [LeaseTaken(holder="x", fence=lease.fence, machine=self.machine)], ENGINE, lease=lease
        ):
            state.apply(stored)
        self.dispatcher = FakeDispatcher(self.clock, make or self.make, self.look)
        self.dispatcher.elsewhere = self.elsewhere
        options = RunOptions(run=RUN, mode=self.mode, forks=forks, wait=wait, skip=skip or {}, no_recheck=no_recheck)
        orders = OrderMaker(
            plan=self.plan,
            state=state,
            catalog=self.catalog,
            run=RunNames(RUN, self.mode, "dana", "2026-01-01T00:00:00+00:00"),
            clock=self.clock,
            project_file=lambda path: path.encode(),
            fence=lease.fence,
            team=self.team,
        )
        tools = RunTools(
            journal=journal,
            dispatcher=self.dispatcher,
            clock=self.clock,
            catalog=self.catalog,
            orders=orders,
            listener=self.listener,
            actor=ENGINE,
            lease=lease,
            interrupts=self.interrupts,
            term=self.term,
        )
        self.live = state
        return run_plan(self.plan, state, tools, options)
