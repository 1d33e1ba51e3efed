"""What an operator can ask for: a run, or that one goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_engine.app.prepare import PlanRequest
from runbook_engine.model.outcome import Mode


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the operator wants run, and how.

    Attributes:
        skip: reason by id of each step that is not to be done.
        wait: wait at gates for an answer from elsewhere.
        operator: person who speaks, as claimed.
    """

    plan: PlanRequest
    mode: Mode = Mode.LIVE
    forks: int | None = None
    note: str = ""
    skip: Mapping[str, str] = field(default_factory=dict)
    wait: bool = False
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """Which run is to go on, and how."""

    run: str
    accept_changes: bool = False
    take_over: bool = False
    forks: int | None = None
    wait: bool = False
    operator: str | None = None
