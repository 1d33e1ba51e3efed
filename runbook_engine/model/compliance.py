"""What a project owes by the calendar: drills, reviews, copies; and whether it is paid."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from runbook_engine.model.base import Frozen


class DutyState(StrEnum):
    """How a duty stands; the worst first."""

    INVALID = "invalid"
    FAILED = "failed"
    NEVER = "never"
    OVERDUE = "overdue"
    CHANGED = "changed"
    SOON = "due-soon"
    OK = "ok"

    @property
    def is_breach(self) -> bool:
        """Whether the policy is not kept; what was changed, or is due soon, is a warning."""
        return self in _BREACHES


_BREACHES = frozenset({DutyState.INVALID, DutyState.FAILED, DutyState.NEVER, DutyState.OVERDUE})


class Duty(Frozen):
    """Something that is to be done every so often for a runbook.

    Attributes:
        kind: `drill` (a run with --drill, or a live one), `review` (a person reads it), `copy` (a run that makes a
            backup or an export), or `file` for a runbook that can't be read.
        every: seconds between two.
        last_at, last_run: when it was last done well, and by which run.
        due_at: when it must be done again; None when it never was.
        changed: files that are not what they were when it was last done.
        rehearsed: the newest dry run since then, which is no drill.
    """

    runbook: str
    title: str = ""
    owner: str = ""
    policy: tuple[str, ...] = ()
    kind: Literal["drill", "review", "copy", "file"]
    state: DutyState
    every: float | None = None
    last_at: datetime | None = None
    last_run: str = ""
    due_at: datetime | None = None
    changed: tuple[str, ...] = ()
    rehearsed: str = ""
    note: str = ""
