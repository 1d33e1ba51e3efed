"""Whether a run that goes on will keep its recovery time objective, by what its steps took in earlier runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import StepReport

_TARGET = "@target"


class StepAhead(NamedTuple):
    """A step as far as it is: whether it is over, and for how many seconds it has been running."""

    id: str
    needs: tuple[str, ...]
    over: bool
    passed: float


class ToGo(NamedTuple):
    """Seconds until the run is over if each step takes what it usually does; not `whole` when some are unknown."""

    seconds: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the recovery time stands, in seconds.

    Attributes:
        since: when the clock began, which is when the disaster was declared.
        passed: until now, or until what was recovered was verified.
        rto: the objective; None without one.
        to_go: None when the run is over, or nothing is known of what is left.
        over: the recovery is verified, or the run came to its end otherwise: the clock stands.
    """

    since: datetime
    passed: float
    rto: float | None
    to_go: ToGo | None
    over: bool

    @property
    def left(self) -> float | None:
        """Until the objective is missed; negative when it is."""
        return None if self.rto is None else self.rto - self.passed

    @property
    def will_miss_by(self) -> float | None:
        """How late it will be by all that is known; None when it will not, or is already."""
        if self.over or self.left is None or self.left < 0 or self.to_go is None:
            return None
        late = self.to_go.seconds - self.left
        return late if late > 0 else None


def outlook(report: RunReport, takes: Mapping[str, float], now: datetime) -> Outlook | None:
    """Tell how the recovery time of a run stands; None for a dry run, which recovers nothing.

    Args:
        takes: seconds that a task of a step usually takes, by the step's id.
    """
    since = report.clocks.declared or report.opened_at
    if since is None or report.mode is None or report.mode == "dry-run":
        return None
    end = report.clocks.verified or report.closed_at
    passed = max(0.0, ((end or now) - since).total_seconds())
    ahead = None if end else to_go((_ahead(step, now) for step in report.steps), takes)
    return Outlook(since, passed, report.rto, ahead, over=end is not None)


def to_go(steps: Iterable[StepAhead], takes: Mapping[str, float]) -> ToGo | None:
    """Add up the longest chain of what is left; None when nothing is known of anything that is left.

    Args:
        steps: each behind what it needs.
        takes: seconds that a task of a step usually takes.
    """
    chains: dict[str, float] = {}
    whole, known = True, False
    for step in steps:
        before = max((chains.get(need.removesuffix(_TARGET), 0.0) for need in step.needs), default=0.0)
        if step.over:
            chains[step.id] = before
            continue
        usual = takes.get(step.id)
        whole, known = whole and usual is not None, known or usual is not None
        chains[step.id] = before + max(0.0, (usual or 0.0) - step.passed)
    return ToGo(max(chains.values(), default=0.0), whole) if known else None


def _ahead(step: StepReport, now: datetime) -> StepAhead:
    begun = [
        task.attempts[-1].started
        for task in step.tasks
        if task.state == "running" and task.attempts and task.attempts[-1].started is not None
    ]
    passed = max((now - started).total_seconds() for started in begun if started is not None) if begun else 0.0
    return StepAhead(step.id, step.needs, sum(step.counts.values()) >= step.planned, passed)
