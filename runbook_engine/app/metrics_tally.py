"""What the events of runs add up to for metrics: read once, and from then on only what is new."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import (
    AttemptFinished,
    MessageFailed,
    MessageMissed,
    MessageSent,
    PlanAccepted,
    ReadinessAssessed,
    RunOpened,
    StoredEvent,
    TaskBlocked,
    TaskSkipped,
)
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.journal import Journal, RunHead

BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)  # seconds
MOST_NAMES = 200  # values of one label; what comes after them is counted as `other`
OTHER = "other"
_FIRST_RUNS = 100
_MOST_OPEN = 1000


@dataclass(slots=True)
class Durations:
    """A histogram: how many attempts took at most so long (the last: any time), and the seconds of all together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def take(self, seconds: float) -> None:
        """Take note of one attempt."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is not over, what its events add up to, and when the newest of them was written."""

    head: RunHead
    state: RunState
    newest: datetime


@dataclass(frozen=True, slots=True)
class Readiness:
    """The newest look at readiness of a runbook on an inventory."""

    at: datetime
    verdict: str
    missing: int


class RunsTally:
    """Counts over the newest runs of the journal, and over everything that happens while this process lives.

    Attributes:
        ended: tasks' ends by runbook and outcome; `in-doubt` where nobody knows the outcome.
        durations: of attempts, by action.
        messages: by what became of a try to tell an audience: `sent`, `failed`, `missed`.
        readiness: by runbook and inventory.
        unreadable: runs whose record can't be read.
    """

    def __init__(self, *, first: int = _FIRST_RUNS) -> None:
        self._first = first
        self._seen: dict[str, int] = {}
        self._newest: dict[str, datetime] = {}
        self._states: dict[str, RunState] = {}
        self._runbooks: set[str] = set()
        self.ended: Counter[tuple[str, str]] = Counter()
        self.durations: dict[str, Durations] = {}
        self.messages: Counter[str] = Counter()
        self.readiness: dict[tuple[str, str], Readiness] = {}
        self.unreadable: set[str] = set()

    def take(self, journal: Journal, heads: Iterable[RunHead]) -> list[OpenRun]:
        """Read what is new in the journal's runs, newest first, and give those of them that are open.

        Only the first time runs are passed over: those that were over by then, but the newest.

        Raises:
            JournalError: the journal is away; a single run that can't be read is taken note of in `unreadable`.
        """
        listed = list(heads)
        if not self._seen:
            older = enumerate(listed[self._first :])
            self._seen = {head.id: head.events for place, head in older if head.closed_at or place >= _MOST_OPEN}
        for head in reversed(listed):
            if head.pruned or self._seen.get(head.id, 0) >= head.events:
                continue
            try:
                self._read(journal, head)
            except JournalError:
                journal.version(head.id)  # that it can't be reached at all is another thing than a damaged run
                self.unreadable.add(head.id)
                self._seen[head.id] = head.events
        return [
            OpenRun(head, self._states[head.id], self._newest[head.id]) for head in listed if head.id in self._states
        ]

    def _read(self, journal: Journal, head: RunHead) -> None:
        state = self._states.get(head.id) or RunState(head.id)
        seen, actions = self._seen.get(head.id, 0), _actions(state)
        for stored in journal.read(head.id, after=state.seq):
            state.apply(stored)
            if isinstance(stored.event, RunOpened | PlanAccepted):
                actions = _actions(state)
            if stored.seq > seen:
                self._count(stored, head, actions)
            self._newest[head.id] = stored.time
        self._seen[head.id] = state.seq
        self.unreadable.discard(head.id)
        if state.closed is None:
            self._states[head.id] = state
        else:  # what comes after the end is little, and is read with the rest of the run
            self._states.pop(head.id, None)
            self._newest.pop(head.id, None)

    def _count(self, stored: StoredEvent, head: RunHead, actions: Mapping[str, str]) -> None:
        event = stored.event
        match event:
            case AttemptFinished():
                self._end(head.runbook, "in-doubt" if event.in_doubt else event.outcome.value)
                action = bounded(actions.get(step_of(event.task), ""), self.durations)
                self.durations.setdefault(action, Durations()).take(event.seconds)
            case TaskSkipped():
                self._end(head.runbook, Outcome.SKIPPED.value)
            case TaskBlocked():
                self._end(head.runbook, Outcome.BLOCKED.value)
            case MessageSent():
                self.messages["sent"] += 1
            case MessageFailed():
                self.messages["failed"] += 1
            case MessageMissed():
                self.messages["missed"] += event.count
            case ReadinessAssessed():
                missing = sum(one.level == "missing" for one in event.findings)
                self._look(head, Readiness(stored.time, event.verdict.value, missing))
            case _:
                return  # the other kinds are no counts

    def _end(self, runbook: str, outcome: str) -> None:
        name = bounded(runbook, self._runbooks)
        self._runbooks.add(name)
        self.ended[name, outcome] += 1

    def _look(self, head: RunHead, look: Readiness) -> None:
        key = (head.runbook, head.inventory)
        before = self.readiness.get(key)
        if (before is None or before.at <= look.at) and (key in self.readiness or len(self.readiness) < MOST_NAMES):
            self.readiness[key] = look


def bounded(name: str, known: Iterable[str], most: int = MOST_NAMES) -> str:
    """Give a label's value; `other` when there are enough of them already, so that they never fill a memory."""
    values = known if isinstance(known, set | dict) else set(known)
    return name if name in values or len(values) < most else OTHER


def count_heads(heads: Iterable[RunHead], key: Callable[[RunHead], tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """Count runs; the first part of the key is a runbook, of which only so many are told apart."""
    counts: Counter[tuple[str, ...]] = Counter()
    known: set[str] = set()
    for head in heads:
        first, *rest = key(head)
        name = bounded(first, known)
        known.add(name)
        counts[name, *rest] += 1
    return counts


def _actions(state: RunState) -> dict[str, str]:
    steps = state.steps or (state.opened.steps if state.opened is not None else ())
    return {step.id: step.action for step in steps}
