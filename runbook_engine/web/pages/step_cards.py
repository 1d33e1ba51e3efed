"""The steps of a run as its page shows them: few tasks one by one, many of them folded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from runbook_engine.model.names import step_of
from runbook_engine.model.report import (
    RunReport,
    TimelineEntry,
)
from runbook_engine.model.report_tasks import (
    StepReport,
    TaskReport,
    Trouble,
)
from runbook_engine.reporting import words

FOLD_ABOVE = 20  # tasks of a step; more of them are counted, and those named that need attention
_MOST_RUNNING = 10
_MOST_TASKS = 300  # of all steps, that a page shows one by one
_LOOK_HERE = frozenset({"failed", "unreachable", "held", "in-doubt", "running"})


@dataclass(frozen=True, slots=True)
class StepCard:
    """A step.

    Attributes:
        tasks: those that are shown one by one.
        running: of a folded step those that run longest, with their start.
        troubles: of a folded step what did not end well, by reason.
        ended: number of tasks that ended.
    """

    step: StepReport
    state: str
    tasks: tuple[TaskReport, ...]
    running: tuple[tuple[str, datetime], ...]
    running_tasks: int
    troubles: tuple[Trouble, ...]
    ended: int
    folded: bool

    @property
    def opens(self) -> bool:
        """Whether it is shown opened at first: something is to be seen there."""
        return self.state in _LOOK_HERE and not self.folded


def step_cards(report: RunReport) -> list[StepCard]:
    """Give the steps in the plan's order; of a run with very many tasks only steps that need a look show theirs."""
    one_by_one = sum(len(step.tasks) for step in report.steps if step.planned <= FOLD_ABOVE)
    return [_card(step, report.troubles, crowded=one_by_one > _MOST_TASKS) for step in report.steps]


def folded(report: RunReport) -> RunReport:
    """Give the report with one line of the timeline for each step that has many tasks."""
    many = {step.id: step for step in report.steps if step.planned > FOLD_ABOVE}
    kept: list[TimelineEntry] = []
    lines: dict[str, TimelineEntry] = {}
    for entry in report.timeline:
        step = many.get(step_of(entry.label)) if entry.kind == "attempt" else None
        if step is None:
            kept.append(entry)
            continue
        begun = lines.get(step.id)
        if begun is None:
            label, outcome = f"{step.id} ({step.planned} tasks)", step.outcome.value if step.outcome else ""
            lines[step.id] = entry.model_copy(update={"label": label, "outcome": outcome})
        else:
            ended = max(begun.ended, entry.ended) if begun.ended and entry.ended else None
            lines[step.id] = begun.model_copy(update={"ended": ended})
    timeline = tuple(sorted([*kept, *lines.values()], key=lambda entry: entry.at))
    return report.model_copy(update={"timeline": timeline})


def newest_attempts(report: RunReport, most: int) -> list[tuple[TaskReport, int, datetime]]:
    """Give the attempts that ended last, newest first: task, number and end."""
    ended = [
        (task, line.number, line.ended)
        for step in report.steps
        if step.kind != "gate"
        for task in step.tasks
        for line in task.attempts[-1:]
        if line.ended is not None
    ]
    return sorted(ended, key=lambda one: one[2], reverse=True)[:most]


def _card(step: StepReport, troubles: Iterable[Trouble], *, crowded: bool) -> StepCard:
    state = words.step_standing(step)
    folded = step.planned > FOLD_ABOVE or (crowded and state not in _LOOK_HERE and bool(step.tasks))
    running = sorted(_running(step), key=lambda one: one[1])
    return StepCard(
        step=step,
        state=state,
        tasks=() if folded else step.tasks,
        running=tuple(running[:_MOST_RUNNING]) if folded else (),
        running_tasks=len(running),
        troubles=tuple(one for one in troubles if one.step == step.id) if folded else (),
        ended=sum(step.counts.values()),
        folded=folded,
    )


def _running(step: StepReport) -> list[tuple[str, datetime]]:
    return [
        (task.id, task.attempts[-1].started)
        for task in step.tasks
        if task.state == "running" and task.attempts and task.attempts[-1].started is not None
    ]
