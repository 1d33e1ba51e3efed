"""What an operator can ask for: a run, or that one goes on; and how that ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_engine.app.prepare import PlanRequest
from runbook_engine.execution.loop_tools import RunEnd
from runbook_engine.model.outcome import Mode


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the operator wants run, and how.

    Attributes:
        skip: reason by id of each step that is not to be done.
        live_inventory: why a drill may run on an inventory that is not marked as a drill's; empty: it may not.
        wait: wait at gates for an answer from elsewhere.
        operator: person who speaks, as claimed.
        continues: id of an earlier run; what ended well in it counts as done.
        run: the id that the run gets; empty: one is made.
        no_recheck: why what ended well there is not looked at again; empty: it is.
        readiness: the dry run is a part of `runbook readiness`.
    """

    plan: PlanRequest
    mode: Mode = Mode.LIVE
    forks: int | None = None
    note: str = ""
    skip: Mapping[str, str] = field(default_factory=dict)
    live_inventory: str = ""
    wait: bool = False
    operator: str | None = None
    continues: str = ""
    run: str = ""
    no_recheck: str = ""
    readiness: bool = False


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """Which run is to go on, and how; `no_recheck`: why nothing is looked at again (empty: it is)."""

    run: str
    accept_changes: bool = False
    take_over: bool = False
    forks: int | None = None
    wait: bool = False
    operator: str | None = None
    no_recheck: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run (or this part of it) ended; `failed`: id of the run that failed and that this one took back."""

    run: str
    end: RunEnd
    failed: str = ""
