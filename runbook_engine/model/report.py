"""What became of a run, as one value: everything that a reader of the report, or an auditor, is told."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.event import Actor, Clocks
from runbook_engine.model.event_readiness import ReadinessAssessed
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Change, Grade, Mode, Outcome
from runbook_engine.model.report_messages import MessageReport, ShownMessage

TaskState = Literal["pending", "running", "waiting", "held", "in-doubt", "ended"]


class AttemptLine(Frozen):
    """One try of a task; `ended` is None while nobody recorded its end, `seconds` is by a monotonic clock."""

    number: int
    started: datetime | None = None
    ended: datetime | None = None
    outcome: Outcome | None = None
    seconds: float = 0.0
    error: str = ""
    in_doubt: bool = False
    settles: bool = False


class Drift(Frozen):
    """A task that had ended well was found otherwise later.

    Attributes:
        summary: what the check saw then; `changes` is the difference to what the step wants.
        needed: something that was yet to be done stood on it, so that a person was asked.
    """

    at: datetime
    task: str
    summary: str = ""
    changes: tuple[Change, ...] = ()
    needed: bool = False


class Unchecked(Frozen):
    """A task that ended well and could not be looked at again: what it is like now, nobody knows."""

    task: str
    reason: str


class Recheck(Frozen):
    """What ended well was looked at again before the run went on.

    Attributes:
        tasks: how many were to be looked at; `left_out` counts, by reason, those that were not.
        cannot_tell: how many no check could tell anything of.
        skipped: why the operator wanted nothing looked at; empty otherwise.
        finished: whether it came to its end.
    """

    at: datetime
    tasks: int = 0
    as_it_was: int = 0
    cannot_tell: int = 0
    drifts: tuple[Drift, ...] = ()
    failed: tuple[Unchecked, ...] = ()
    left_out: dict[str, int] = {}
    skipped: str = ""
    finished: bool = False


class TaskReport(Frozen):
    """One step on one target.

    Attributes:
        state: where it stands; `ended` has an outcome, the others may have one of an earlier attempt.
        summary: what the last check saw, in one sentence.
        reason: why it was skipped or blocked.
        drift: how it was found later, when it had ended well and nobody did it again since.
        captured: excerpt (head and tail) of the last attempt's output by stream, as text.
    """

    id: str
    target: str
    state: TaskState = "pending"
    outcome: Outcome | None = None
    attempts: tuple[AttemptLine, ...] = ()
    seconds: float = 0.0
    summary: str = ""
    reason: str = ""
    error: str = ""
    changes: tuple[Change, ...] = ()
    outputs: JsonObject = {}
    grade: Grade | None = None
    drift: Drift | None = None
    captured: dict[str, str] = {}


class StepReport(Frozen):
    """A step: `planned` tasks, of which those that anything was recorded of are listed.

    Attributes:
        needs: ids of the steps it waits for; `x@target` where it does so target by target.
        outcome: the worst of its tasks'; None while some are yet to end.
    """

    id: str
    action: str = ""
    kind: str = ""
    needs: tuple[str, ...] = ()
    planned: int
    tasks: tuple[TaskReport, ...] = ()
    outcome: Outcome | None = None
    counts: dict[Outcome, int] = {}
    grade: Grade | None = None


class Trouble(Frozen):
    """Tasks of one step that stand in the same place for the same reason.

    Attributes:
        state: `failed`, `unreachable`, `in doubt`, `held`, `drifted`, `unproven` or `blocked`.
        reason: as recorded; where it is several targets', the target's name in it is `HOST`.
        tasks: their ids, in the order of the events.
        targets: names of their targets, each once.
    """

    state: str
    step: str
    reason: str = ""
    tasks: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Answer(Frozen):
    """What a person said at a gate or a manual step, from where, and whether it counted (`refused` did not)."""

    at: datetime
    said: Literal["approved", "declined", "refused", "passed", "failed"]
    person: str
    role: str = ""
    by: Actor
    reason: str = ""
    fingerprint: str = ""
    signed: bool = False


class GateReport(Frozen):
    """A gate: what it asked for, who answered, and how it ended."""

    task: str
    opened_at: datetime | None = None
    roles: tuple[str, ...] = ()
    quorum: int = 1
    message: str = ""
    fingerprint: str = ""
    state: Literal["waiting", "approved", "declined", "expired", "answered"] = "waiting"
    answers: tuple[Answer, ...] = ()


class Deviation(Frozen):
    """Where the run left the runbook's path: who decided it, and why.

    Attributes:
        by: the person or the engine, with the account and the machine.
        roles: the person's in team.yml then.
        fingerprint: of the plan that it was said over; empty where that was not recorded.
    """

    at: datetime
    kind: Literal[
        "skip",
        "ignore",
        "retry",
        "abort",
        "pause",
        "resolved",
        "plan",
        "tolerated",
        "take-over",
        "refused",
        "files",
        "live-inventory",
        "no-recheck",
        "revert",
        "say",
    ]
    what: str
    who: str
    reason: str = ""
    by: Actor | None = None
    roles: tuple[str, ...] = ()
    fingerprint: str = ""
    signed: bool = False

    @property
    def speaker(self) -> str:
        """Name who decided it, as what, and whether they signed it."""
        name = f"{self.who} as {', '.join(self.roles)}" if self.roles else self.who
        return f"{name}, signed" if self.signed else name


class RecoveryPoint(Frozen):
    """Data was restored from this point in time."""

    task: str
    point: datetime


class Holding(Frozen):
    """A process had the right to advance the run; the first began it, each later one resumed it."""

    at: datetime
    holder: str
    fence: int
    took_over: bool = False


class Note(Frozen):
    """What somebody wrote down."""

    at: datetime
    who: str
    text: str


class TimelineEntry(Frozen):
    """Something that took time (`ended`) or happened at one moment (None); `outcome` colours it."""

    at: datetime
    ended: datetime | None = None
    kind: Literal["attempt", "gate", "message", "mark"]
    label: str
    outcome: str = ""


class Proof(Frozen):
    """What a dry run could say of the plan's tasks, by number of tasks."""

    proven: int = 0
    simulated: int = 0
    unproven: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """The proven share in whole percent, rounded down: 100 means all."""
        return self.proven * 100 // self.total if self.total else 0


class RunReport(Frozen):
    """A run, told as a whole; a run that is not over yet has status `running` or `waiting`.

    Attributes:
        rto, rpo: objectives; rta, rpa: what was achieved; all in seconds, None where there is none.
        limit_hosts: the hosts that a limit with `@` stood for when the run was opened.
        counts: tasks by outcome; `pending` is the number of those without one.
        hosts: targets (`localhost` left out) by the worst outcome of their tasks.
        troubles: what did not end well, those with the same reason together, failures first.
        chain_verified: whether the journal's chain was checked and found whole; None when nobody looked.
        rechecks: each time that a run went on, how what had ended well was found.
        in_doubt: attempts that began and whose end nobody knows.
        readiness: what `runbook readiness` found; None for any other run, and where it was interrupted.
    """

    run: str
    runbook: str = ""
    title: str = ""
    runbook_path: str = ""
    mode: Mode | None = None
    inventory: str = ""
    inventory_sources: tuple[str, ...] = ()
    limit: str | None = None
    limit_hosts: tuple[str, ...] = ()
    operator: str = ""
    host: str = ""
    note: str = ""
    inputs: JsonObject = {}
    fingerprint: str = ""
    files: dict[str, str] = {}
    git_commit: str | None = None
    git_dirty: bool | None = None
    engine_version: str = ""
    plugins: dict[str, str] = {}
    status: str = "running"
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    seconds: float = 0.0
    clocks: Clocks = Clocks()
    rto: float | None = None
    rpo: float | None = None
    rta: float | None = None
    rpa: float | None = None
    steps: tuple[StepReport, ...] = ()
    counts: dict[Outcome, int] = {}
    pending: int = 0
    tasks: int = 0
    hosts: dict[Outcome, int] = {}
    troubles: tuple[Trouble, ...] = ()
    gates: tuple[GateReport, ...] = ()
    messages: tuple[MessageReport, ...] = ()
    shown_messages: tuple[ShownMessage, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    recovery_points: tuple[RecoveryPoint, ...] = ()
    holdings: tuple[Holding, ...] = ()
    notes: tuple[Note, ...] = ()
    rechecks: tuple[Recheck, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    proof: Proof | None = None
    in_doubt: tuple[str, ...] = ()
    readiness: ReadinessAssessed | None = None
    events: int = 0
    head_hash: str = ""
    chain_verified: bool | None = None

    @property
    def rto_met(self) -> bool | None:
        """Whether the recovery time objective was met; None without one, or without a recovery."""
        return None if self.rto is None or self.rta is None else self.rta <= self.rto

    @property
    def rpo_met(self) -> bool | None:
        """Whether the recovery point objective was met; None without one, or when no recovery point was used."""
        return None if self.rpo is None or self.rpa is None else self.rpa <= self.rpo
