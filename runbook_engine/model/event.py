"""The events of the journal: everything that happens to a run, in one append-only list."""

from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter

from runbook_engine.model.event_message import (
    MessageDue,
    MessageFailed,
    MessageMissed,
    MessageSaid,
    MessageSent,
    MessageShown,
)
from runbook_engine.model.event_monitor import (
    MONITOR,
    AlarmGrew,
    AlarmOver,
    AlarmRaised,
    AlarmReturned,
    AlarmTold,
    MonitorClosed,
    MonitorOpened,
    TriggerSeen,
)
from runbook_engine.model.event_people import (
    AnswerRefused,
    AnswerSignature,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    ManualAnswered,
    NoteAdded,
    RunAbortRequested,
    RunContinued,
    RunPaused,
    Said,
)
from runbook_engine.model.event_readiness import ReadinessAssessed, ReadinessTold
from runbook_engine.model.event_recheck import (
    DriftFound,
    RecheckFailed,
    RecheckFinished,
    RecheckSkipped,
    RecheckStarted,
)
from runbook_engine.model.event_run import (
    INTERRUPTED,
    Actor,
    Clocks,
    LeaseLost,
    LeaseTaken,
    PlanAccepted,
    RevertDue,
    RunClosed,
    RunOpened,
    StepSummary,
)
from runbook_engine.model.event_task import (
    AttemptFinished,
    AttemptStarted,
    RecoveryPointUsed,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)

Event = Annotated[
    RunOpened | LeaseTaken | LeaseLost | PlanAccepted | AttemptStarted | AttemptFinished | TaskSkipped | TaskBlocked
    | TaskResolved | GateOpened | GateApproved | GateDeclined | AnswerRefused | GateExpired | ManualAnswered
    | HoldOpened | HoldResolved | RunPaused | RunContinued | RunAbortRequested | MessageDue | MessageSent
    | MessageMissed | RecoveryPointUsed | NoteAdded | RecheckStarted | DriftFound | RecheckFailed | RecheckFinished
    | RecheckSkipped | RevertDue | RunClosed | MonitorOpened | MonitorClosed | TriggerSeen | AlarmRaised | AlarmGrew
    | AlarmReturned | AlarmOver | AlarmTold | ReadinessAssessed | ReadinessTold | MessageFailed | MessageSaid
    | MessageShown,
    Field(discriminator="kind"),
]  # fmt: skip

EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(defer_build=True))


class StoredEvent(NamedTuple):
    """An event as the journal keeps it; a plain tuple, since a long run has 100,000 of them.

    Attributes:
        seq: counts the run's events from 1, without a gap.
        time: UTC, by the store's machine.
        previous: hash of the event before it; for the first, SHA-256 of the run's id.
        hash: SHA-256 of `previous` and the canonical JSON of run, seq, time, actor and event.
    """

    run: str
    seq: int
    time: datetime
    actor: Actor
    event: Event
    previous: str
    hash: str

    def as_json(self) -> dict[str, object]:
        """Give all of it as plain JSON, as `runbook audit log --output json` prints it."""
        return {
            "run": self.run,
            "seq": self.seq,
            "time": write_time(self.time),
            "actor": self.actor.model_dump(mode="json"),
            "event": self.event.model_dump(mode="json"),
            "previous": self.previous,
            "hash": self.hash,
        }


def write_time(moment: datetime) -> str:
    """Write a time the one way it is hashed: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


__all__ = [
    "EVENT",
    "INTERRUPTED",
    "MONITOR",
    "Actor",
    "AlarmGrew",
    "AlarmOver",
    "AlarmRaised",
    "AlarmReturned",
    "AlarmTold",
    "AnswerRefused",
    "AnswerSignature",
    "AttemptFinished",
    "AttemptStarted",
    "Clocks",
    "DriftFound",
    "Event",
    "GateApproved",
    "GateDeclined",
    "GateExpired",
    "GateOpened",
    "HoldOpened",
    "HoldResolved",
    "LeaseLost",
    "LeaseTaken",
    "ManualAnswered",
    "MessageDue",
    "MessageFailed",
    "MessageMissed",
    "MessageSaid",
    "MessageSent",
    "MessageShown",
    "MonitorClosed",
    "MonitorOpened",
    "NoteAdded",
    "PlanAccepted",
    "ReadinessAssessed",
    "ReadinessTold",
    "RecheckFailed",
    "RecheckFinished",
    "RecheckSkipped",
    "RecheckStarted",
    "RecoveryPointUsed",
    "RevertDue",
    "RunAbortRequested",
    "RunClosed",
    "RunContinued",
    "RunOpened",
    "RunPaused",
    "Said",
    "StepSummary",
    "StoredEvent",
    "TaskBlocked",
    "TaskResolved",
    "TaskSkipped",
    "TriggerSeen",
]
