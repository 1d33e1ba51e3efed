"""Rows of the journal's tables as values, also when somebody changed them into what they should never be."""

from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from runbook_engine.journals.chain import EventRow, as_text, label, read_row
from runbook_engine.journals.ledger import RunRow
from runbook_engine.model.counted import DECISIVE, Standing, is_late, standing
from runbook_engine.model.event import (
    AttemptFinished,
    Event,
    HoldResolved,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.names import step_of, target_of
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.signed_answer import GateAnswer

# Events of tasks that a run has by the thousands; of a task only its newest one tells where it stands.
_ANSWERED_KINDS = ("manual.answered", "hold.opened", "hold.resolved", "drift.found")
ATTEMPT_KINDS = ("attempt.started", "attempt.finished", "task.skipped", "task.blocked", "task.resolved")
GATE_KINDS = ("gate.opened", "gate.approved", "gate.declined", "gate.expired", *_ANSWERED_KINDS)
_TASK_KINDS = frozenset((*ATTEMPT_KINDS, *GATE_KINDS))
_RUN_NUMBERS = frozenset({"number", "head_seq"})
WELL = tuple(outcome.value for outcome in Outcome if outcome.ended_well)


class TaskRow(NamedTuple):
    """Where a task stands: its newest event, and the outcome if it ended with that ("" otherwise).

    All of it follows from the events; it is kept so that nobody has to read 100,000 of them for a summary.
    """

    run: str
    task: str
    step: str
    target: str
    seq: int
    kind: str
    outcome: str


class TaskRows:
    """Where tasks stand, as it is told by a run's events one after the other.

    An answer to a gate says nothing of that, nor does a decision that came too late to count.

    Attributes:
        rows: by task; tasks that no event moved are left out.
    """

    def __init__(self, before: Mapping[str, Standing] = MappingProxyType({})) -> None:
        """Begin with how tasks stood that events before these moved."""
        self.rows: dict[str, TaskRow] = {}
        self._standing = dict(before)

    def take(self, stored: StoredEvent) -> None:
        """Take note of the next event."""
        event = stored.event
        if event.kind not in _TASK_KINDS:
            return
        # (No text column takes a NUL, and a task may be named as badly as its host.)
        task = label(event.task)  # type: ignore[union-attr]  # those kinds have one
        now, before = standing(event), self._standing.get(task)
        if before is not None and (now is None or is_late(stored, before)):
            return
        self._standing[task] = now or Standing()
        self.rows[task] = TaskRow(
            stored.run, task, step_of(task), target_of(task), stored.seq, event.kind, _outcome(stored)
        )


def task_rows(
    events: Iterable[StoredEvent], before: Mapping[str, Standing] = MappingProxyType({})
) -> dict[str, TaskRow]:
    """Tell where the tasks stand after these events, by task; tasks that they don't move are left out.

    Args:
        before: how the tasks of `decided` stood before.
    """
    found = TaskRows(before)
    for stored in events:
        found.take(stored)
    return found.rows


def decided(events: Iterable[Event]) -> list[str]:
    """Name the tasks that events answer or decide about, so that it matters how these stood before."""
    return sorted({label(one.task) for one in events if isinstance(one, GateAnswer | HoldResolved | TaskResolved)})


def is_overtaken(newer: Iterable[EventRow], names: Container[str]) -> bool:
    """Tell whether people's answers go by one of these events, or one of the tasks went on by it."""
    rows = list(newer)
    moved = (read_row(row, follows=None).event for row in rows if row.kind in _TASK_KINDS)
    return any(row.kind in DECISIVE for row in rows) or any(label(event.task) in names for event in moved)  # type: ignore[union-attr]  # those kinds have one


def asked_tasks(events: Iterable[StoredEvent]) -> set[str]:
    """Name the tasks that people were asked about."""
    return {label(one.event.task) for one in events if one.event.kind in GATE_KINDS}  # type: ignore[union-attr]  # gates are tasks


def without(events: Iterable[StoredEvent], well: Container[str], newest: Mapping[str, int]) -> list[StoredEvent]:
    """Leave out what people were asked about some tasks, and what they said; and decisions that came too late.

    Args:
        well: the tasks.
        newest: `seq` of the event with which a task stands.
    """

    def tells(one: StoredEvent) -> bool:
        if one.event.kind not in GATE_KINDS:
            return True
        task = label(one.event.task)  # type: ignore[union-attr]  # gates are tasks
        late = isinstance(one.event, HoldResolved) and one.seq > newest.get(task, one.seq)
        return not late and task not in well

    return [one for one in events if tells(one)]


def run_row(row: Sequence[object]) -> RunRow:
    """Give a run's row; a value of a wrong type becomes one that its events contradict."""
    values: dict[str, object] = {}
    for name, value in zip(RunRow.__slots__, row, strict=True):
        if name in _RUN_NUMBERS:
            values[name] = value if isinstance(value, int) else -1
        else:
            values[name] = None if name == "closed_at" and value is None else as_text(value)
    return RunRow(**values)  # type: ignore[arg-type]  # each value was just made to fit


def _outcome(stored: StoredEvent) -> str:
    match stored.event:
        case AttemptFinished(in_doubt=False, unbegun=False, outcome=outcome):
            return outcome.value
        case TaskSkipped() | HoldResolved(decision="skip"):
            return Outcome.SKIPPED.value
        case TaskBlocked():
            return Outcome.BLOCKED.value
        case TaskResolved(truth="done"):
            return Outcome.CHANGED.value
        case _:
            # It runs, waits, or nobody knows.
            return ""
