"""What became of a run, as one value: everything that a reader of the report, or an auditor, is told."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.event import Clocks
from runbook_engine.model.event_readiness import ReadinessAssessed
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.report_messages import MessageReport, ShownMessage
from runbook_engine.model.report_people import Deviation, GateReport, Holding, Note
from runbook_engine.model.report_tasks import Recheck, StepReport, Trouble


class RecoveryPoint(Frozen):
    """Data was restored from this point in time."""

    task: str
    point: datetime


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

    One that no process has any more, as after a kill, is `stopped` unless it waits for people; it can be resumed.

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
