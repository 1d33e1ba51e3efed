"""Events of a task: an attempt began, an attempt ended, why it was not attempted."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from runbook_engine.model.base import Frozen
from runbook_engine.model.event_people import SignableDecision
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding, Grade, Outcome


class AttemptStarted(Frozen):
    """An attempt is about to touch its target; durable before it does.

    Attributes:
        number: counts the task's attempts from 1.
        token: the same for every transport retry and crash of one logical attempt.
        parameters: SHA-256 of the rendered parameters, secrets as references.
        settles: true when this attempt finds out what became of an earlier one in doubt.
    """

    kind: Literal["attempt.started"] = "attempt.started"
    task: str
    number: int
    token: str
    parameters: str = ""
    settles: bool = False


class AttemptFinished(Frozen):
    """How an attempt ended.

    Attributes:
        seconds: how long it took, by a monotonic clock.
        error: what went wrong, for people; empty when it ended well.
        output_digest: SHA-256 of the captured output that is kept beside the events, by stream.
        unbegun: it was ordered and nobody had begun it when the order was taken back: the task waits as it did before.
    """

    kind: Literal["attempt.finished"] = "attempt.finished"
    task: str
    number: int
    outcome: Outcome
    finding: Finding | None = None
    outputs: JsonObject = Field(default_factory=dict)
    grade: Grade | None = None
    seconds: float = 0.0
    error: str = ""
    output_digest: dict[str, str] = Field(default_factory=dict)
    in_doubt: bool = False
    unbegun: bool = False

    @property
    def was_none(self) -> bool:
        """Whether nothing was done and nothing is in doubt, so that the task stands as if it had not been ordered."""
        return self.unbegun and not self.in_doubt


class TaskSkipped(Frozen):
    """A task was not attempted on purpose: its `when` was false, or the operator said so."""

    kind: Literal["task.skipped"] = "task.skipped"
    task: str
    reason: str


class TaskBlocked(Frozen):
    """A task can't be attempted because something it needs did not end well."""

    kind: Literal["task.blocked"] = "task.blocked"
    task: str
    because: str


class TaskResolved(SignableDecision):
    """The truth about an attempt in doubt, from a person or from a check."""

    kind: Literal["task.resolved"] = "task.resolved"
    task: str
    number: int
    truth: Literal["done", "retry"]
    reason: str = ""


class RecoveryPointUsed(Frozen):
    """Data was restored from this point in time; its distance from the declared incident is the RPA."""

    kind: Literal["recovery-point.used"] = "recovery-point.used"
    task: str
    point: datetime
