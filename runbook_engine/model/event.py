"""The events of the journal: everything that happens to a run, in one append-only list."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Finding, Grade, Mode, Outcome
from runbook_engine.model.runbook import Objectives


class Actor(Frozen):
    """Who or what made an event.

    Attributes:
        kind: `engine` (the holder of the lease) or `person`.
        name: the person's id in team.yml, or the operating system's user name when the team doesn't know them.
        os_user: the operating system's user, whatever name was claimed.
        host: name of the machine it was said on.
    """

    kind: Literal["engine", "person"] = "person"
    name: str
    os_user: str = ""
    host: str = ""


class StepSummary(Frozen):
    """What run.opened keeps of each step, so that a later plan can be compared with this one.

    Attributes:
        kind: what the step is for: it changes something, verifies, asks a person, or tells somebody.
    """

    id: str
    action: str = ""
    kind: Literal["change", "verification", "gate", "message"] = "change"
    digest: str
    tasks: int
    targets_digest: str


class RunOpened(Frozen):
    """A run begins. `previous_run` and `previous_hash` tie this run's chain to the one opened before it."""

    kind: Literal["run.opened"] = "run.opened"
    schema_version: int = 1
    runbook: str
    title: str = ""
    runbook_path: str = ""
    inventory: str
    inventory_sources: tuple[str, ...] = ()
    mode: Mode
    inputs: JsonObject = {}
    limit: str | None = None
    skip: dict[str, str] = {}
    note: str = ""
    fingerprint: str
    files: dict[str, str] = {}
    git_commit: str | None = None
    git_dirty: bool | None = None
    engine_version: str
    plugins: dict[str, str] = {}
    objectives: Objectives = Objectives()
    steps: tuple[StepSummary, ...] = ()
    tasks: int = 0
    forks: int = 0
    previous_run: str | None = None
    previous_hash: str | None = None


class LeaseTaken(Frozen):
    """A process got the right to advance the run; `fence` grows by one each time."""

    kind: Literal["lease.taken"] = "lease.taken"
    holder: str
    fence: int
    took_over: bool = False


class LeaseLost(Frozen):
    """The holder gave the right back (or knows that it lost it)."""

    kind: Literal["lease.lost"] = "lease.lost"
    fence: int
    reason: str = ""


class PlanAccepted(Frozen):
    """A resumed run goes on with a plan that differs from the one it was opened with."""

    kind: Literal["plan.accepted"] = "plan.accepted"
    fingerprint: str
    before: str
    difference: tuple[str, ...] = ()
    files: dict[str, str] = {}
    steps: tuple[StepSummary, ...] = ()


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
    """

    kind: Literal["attempt.finished"] = "attempt.finished"
    task: str
    number: int
    outcome: Outcome
    finding: Finding | None = None
    outputs: JsonObject = {}
    grade: Grade | None = None
    seconds: float = 0.0
    error: str = ""
    output_digest: dict[str, str] = {}
    in_doubt: bool = False


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


class TaskResolved(Frozen):
    """The truth about an attempt in doubt, from a person or from a check."""

    kind: Literal["task.resolved"] = "task.resolved"
    task: str
    number: int
    truth: Literal["done", "retry"]
    reason: str = ""


class GateOpened(Frozen):
    """A gate waits for a condition or a person; approvals are for this plan fingerprint only."""

    kind: Literal["gate.opened"] = "gate.opened"
    task: str
    roles: tuple[str, ...] = ()
    quorum: int = 1
    message: str = ""
    expires_at: datetime | None = None
    fingerprint: str


class GateApproved(Frozen):
    """A person approved what a gate asks."""

    kind: Literal["gate.approved"] = "gate.approved"
    task: str
    person: str
    role: str
    reason: str = ""
    fingerprint: str
    signature: str | None = None


class GateDeclined(Frozen):
    """A person declined what a gate asks."""

    kind: Literal["gate.declined"] = "gate.declined"
    task: str
    person: str
    role: str
    reason: str = ""
    fingerprint: str


class AnswerRefused(Frozen):
    """An approval or answer that did not count, kept for the record: no role, twice, too late, another plan."""

    kind: Literal["gate.refused"] = "gate.refused"
    task: str
    person: str
    reason: str


class GateExpired(Frozen):
    """Nobody answered a gate in time."""

    kind: Literal["gate.expired"] = "gate.expired"
    task: str


class ManualAnswered(Frozen):
    """A person did a manual task and says how it went."""

    kind: Literal["manual.answered"] = "manual.answered"
    task: str
    passed: bool
    note: str = ""


class HoldOpened(Frozen):
    """A task failed and waits for the operator's decision."""

    kind: Literal["hold.opened"] = "hold.opened"
    task: str
    reason: str


class HoldResolved(Frozen):
    """The operator's decision about a hold."""

    kind: Literal["hold.resolved"] = "hold.resolved"
    task: str
    decision: Literal["retry", "skip", "ignore", "abort"]
    reason: str


class RunPaused(Frozen):
    """The operator wants nothing new started."""

    kind: Literal["run.paused"] = "run.paused"
    reason: str = ""


class RunContinued(Frozen):
    """The operator lets a paused run go on."""

    kind: Literal["run.continued"] = "run.continued"
    reason: str = ""


class RunAbortRequested(Frozen):
    """The operator wants the run to end."""

    kind: Literal["run.abort-requested"] = "run.abort-requested"
    reason: str = ""


class MessageDue(Frozen):
    """A message is owed to an audience."""

    kind: Literal["message.due"] = "message.due"
    audience: str
    sequence: int
    due_at: datetime


class MessageSent(Frozen):
    """A message reached (or was accepted for) an audience."""

    kind: Literal["message.sent"] = "message.sent"
    audience: str
    sequence: int
    channel: str
    recipients: tuple[str, ...] = ()


class MessageMissed(Frozen):
    """A message was owed and not sent in time."""

    kind: Literal["message.missed"] = "message.missed"
    audience: str
    sequence: int
    reason: str


class RecoveryPointUsed(Frozen):
    """Data was restored from this point in time; its distance from the declared incident is the RPA."""

    kind: Literal["recovery-point.used"] = "recovery-point.used"
    task: str
    point: datetime


class NoteAdded(Frozen):
    """Somebody wrote something down for the record."""

    kind: Literal["note.added"] = "note.added"
    text: str


class Clocks(Frozen):
    """When the recovery passed its marks; each is None until then."""

    declared: datetime | None = None
    decided: datetime | None = None
    recovered: datetime | None = None
    verified: datetime | None = None


class RunClosed(Frozen):
    """The run is over.

    Attributes:
        status: `succeeded`, `failed`, `aborted`.
        rta, rpa: recovery time and recovery point achieved, in seconds; None when they can't be told.
        proven: share (0 to 1) of the tasks that a dry run proved.
    """

    kind: Literal["run.closed"] = "run.closed"
    status: Literal["succeeded", "failed", "aborted"]
    clocks: Clocks = Clocks()
    rta: float | None = None
    rpa: float | None = None
    proven: float | None = None
    counts: dict[Outcome, int] = {}


Event = Annotated[
    RunOpened | LeaseTaken | LeaseLost | PlanAccepted | AttemptStarted | AttemptFinished | TaskSkipped | TaskBlocked
    | TaskResolved | GateOpened | GateApproved | GateDeclined | AnswerRefused | GateExpired | ManualAnswered | HoldOpened
    | HoldResolved | RunPaused | RunContinued | RunAbortRequested | MessageDue | MessageSent | MessageMissed
    | RecoveryPointUsed | NoteAdded | RunClosed,
    Field(discriminator="kind"),
]  # fmt: skip

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class StoredEvent(Frozen):
    """An event as the journal keeps it.

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
