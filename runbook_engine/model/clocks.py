"""When a recovery passed its marks, and what that makes of the recovery time and recovery point achieved."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from runbook_engine.model.event import (
    AttemptFinished,
    Clocks,
    GateApproved,
    GateOpened,
    RecoveryPointUsed,
    RunClosed,
    RunOpened,
    StoredEvent,
    TaskResolved,
)
from runbook_engine.model.outcome import Mode, Outcome


class Achieved(NamedTuple):
    """The marks, and in seconds the recovery time (`rta`) and recovery point (`rpa`) achieved; None: can't be told."""

    clocks: Clocks
    rta: float | None
    rpa: float | None


def clocks(events: Iterable[StoredEvent], *, status: str | None = None) -> Achieved:
    """Read a run's clocks off its events.

    Declared is when the first gate asked (or the run began, when none did); decided, when the first gate was approved;
    recovered, when the last attempt that changed something ended (messages do not count); verified, when the last
    proof of the state after that ended. A run that did not succeed has verified nothing, and a dry run has recovered
    nothing.

    Args:
        status: how the run ends, for one whose run.closed is yet to be written.
    """
    opened: RunOpened | None = None
    began: datetime | None = None
    asked: datetime | None = None
    decided: datetime | None = None
    recovered: datetime | None = None
    proof: datetime | None = None
    oldest: datetime | None = None
    closed: str | None = None
    told: frozenset[str] = frozenset()
    for stored in events:
        event = stored.event
        if isinstance(event, RunOpened):
            opened, began = event, stored.time
            told = frozenset(step.id for step in event.steps if step.kind in {"message", "gate"})
        elif isinstance(event, AttemptFinished) and _step_of(event.task) not in told:
            if event.outcome is Outcome.CHANGED:
                recovered = proof = stored.time
            elif event.outcome is Outcome.UNCHANGED:
                proof = stored.time
        elif isinstance(event, TaskResolved) and event.truth == "done":
            recovered = proof = stored.time
        elif isinstance(event, GateOpened):
            asked = asked or stored.time
        elif isinstance(event, GateApproved):
            decided = decided or stored.time
        elif isinstance(event, RecoveryPointUsed):
            oldest = min(oldest or event.point, event.point)
        elif isinstance(event, RunClosed):
            closed = event.status
    declared = asked or began
    if opened is not None and opened.mode is Mode.DRY_RUN:
        return Achieved(Clocks(declared=declared, decided=decided), None, None)
    verified = proof if (status or closed) == "succeeded" else None
    marks = Clocks(declared=declared, decided=decided, recovered=recovered, verified=verified)
    return Achieved(marks, _seconds(declared, verified), _seconds(oldest, declared))


def _step_of(task: str) -> str:
    """Give the step that a task id (`deploy[0]@web1`) belongs to."""
    return task.partition("@")[0].partition("[")[0]


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """Give the time between two marks; a clock that was set back in between must not make it negative."""
    return None if begin is None or end is None else max(0.0, (end - begin).total_seconds())
