"""What is known of one task: where it stands, how its attempts ended, what people said of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runbook_engine.model.event import (
    DriftFound,
    GateApproved,
    GateDeclined,
    GateOpened,
    HoldOpened,
    ManualAnswered,
)
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Outcome


class Phase(StrEnum):
    """Where a task stands."""

    WAITING = "waiting"
    RUNNING = "running"
    GATE = "gate"
    HELD = "held"
    DOUBT = "in doubt"
    ENDED = "ended"

    __hash__ = str.__hash__


@dataclass(slots=True)
class TaskState:
    """What is known of one task.

    Attributes:
        attempts: attempts begun so far.
        logical: number of the logical attempt: a new one only after the old one's end is proven.
        partial: what an attempt that failed got done; the next one is told.
        digest: of the task's step as it was planned when the task ended; None when that was not recorded.
        begun_at: when its newest attempt began.
        machine: where the first attempt of this logical attempt was made; empty when that was not recorded.
        settles: the newest attempt is to find out what became of an earlier one.
        found_done: an attempt was interrupted, and the next one found all done: who did it, nobody knows.
        unproven_end: an attempt of this logical attempt began and its end is not known for sure.
        held: how the task failed when it was held for the operator's decision.
        ignored: it failed (or drifted), and the operator said that what needs it goes on all the same.
        drift: it ended well, and was found otherwise since; None when it was not, or was done again.
    """

    phase: Phase = Phase.WAITING
    attempts: int = 0
    begun_at: datetime | None = None
    logical: int = 1
    unproven_end: bool = False
    machine: str = ""
    found_done: bool = False
    settles: bool = False
    digest: str | None = None
    outcome: Outcome | None = None
    outputs: JsonObject = field(default_factory=dict)
    partial: JsonObject = field(default_factory=dict)
    reason: str = ""
    opened: GateOpened | None = None
    opened_at: datetime | None = None
    approvals: tuple[GateApproved, ...] = ()
    declined: GateDeclined | None = None
    answered: ManualAnswered | None = None
    held: HoldOpened | None = None
    ignored: bool = False
    drift: DriftFound | None = None

    @property
    def counts_as(self) -> Outcome | None:
        """What the steps that need the task go by; None while it has not ended."""
        if self.phase is not Phase.ENDED:
            return None
        return Outcome.SKIPPED if self.ignored else self.outcome
