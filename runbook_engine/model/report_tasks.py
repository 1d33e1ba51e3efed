"""What the report of a run says of its steps and tasks: their tries, what stands in the way, what drifted since."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Change, Grade, Outcome

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
