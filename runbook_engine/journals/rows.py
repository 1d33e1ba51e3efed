"""Rows of the journal's tables as values, also when somebody changed them into what they should never be."""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from runbook_engine.journals.chain import as_text, label
from runbook_engine.journals.ledger import RunRow
from runbook_engine.model.event import (
    AttemptFinished,
    HoldResolved,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.names import step_of, target_of
from runbook_engine.model.outcome import Outcome

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


def task_rows(events: Iterable[StoredEvent]) -> dict[str, TaskRow]:
    """Tell where the tasks stand after these events, by task; tasks that they don't touch are left out."""
    rows: dict[str, TaskRow] = {}
    for stored in events:
        event = stored.event
        if event.kind in _TASK_KINDS:
            # (No text column takes a NUL, and a task may be named as badly as its host.)
            task = label(event.task)  # type: ignore[union-attr]  # those kinds have one
            rows[task] = TaskRow(
                stored.run, task, step_of(task), target_of(task), stored.seq, event.kind, _outcome(stored)
            )
    return rows


def without(events: Iterable[StoredEvent], tasks: Container[str]) -> list[StoredEvent]:
    """Leave out what people were asked about some tasks, and what they said."""
    return [one for one in events if one.event.kind not in GATE_KINDS or label(one.event.task) not in tasks]  # type: ignore[union-attr]  # gates are tasks


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
        case AttemptFinished(in_doubt=False, outcome=outcome):
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
