"""Events of the re-check: what ended well in an earlier part of a run is looked at again before the run goes on."""

from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.outcome import Finding, Outcome


class RecheckStarted(Frozen):
    """These tasks are about to be looked at again, with hands that can only read.

    Attributes:
        left_out: how many tasks that ended well are not looked at, by reason.
    """

    kind: Literal["recheck.started"] = "recheck.started"
    tasks: tuple[str, ...] = ()
    left_out: dict[str, int] = {}


class DriftFound(Frozen):
    """A task is not any more as it was when it ended well; nothing was done about it.

    Attributes:
        outcome: how it had ended.
        finding: what the check saw now.
        needed: something that is yet to be done stands on it, so that a person has to decide.
    """

    kind: Literal["drift.found"] = "drift.found"
    task: str
    outcome: Outcome
    finding: Finding
    needed: bool = False


class RecheckFailed(Frozen):
    """A task could not be looked at again; nobody says that it drifted."""

    kind: Literal["recheck.failed"] = "recheck.failed"
    task: str
    reason: str


class RecheckFinished(Frozen):
    """How the tasks were found that were looked at: how many as they were, drifted, not told by a check, unreachable.

    Attributes:
        interrupted: the operator broke it off; tasks that count nowhere were not looked at.
    """

    kind: Literal["recheck.finished"] = "recheck.finished"
    as_it_was: int = 0
    drifted: int = 0
    cannot_tell: int = 0
    failed: int = 0
    interrupted: bool = False


class RecheckSkipped(Frozen):
    """The operator did not want anything looked at again, and says why."""

    kind: Literal["recheck.skipped"] = "recheck.skipped"
    reason: str
