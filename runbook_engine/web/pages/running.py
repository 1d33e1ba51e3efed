"""What running tasks put out so far: the part of a run's page that is sent anew when there is more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import TaskReport
from runbook_engine.ports.live import PROGRESS, LiveOutput
from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source

MOST_TASKS = 6
_MOST_LINES = 12  # of a stream, on a run's page; a task's own page has all that is kept


@dataclass(frozen=True, slots=True)
class Running:
    """A running attempt and what it put out so far.

    Attributes:
        at: when it was last heard of.
        said: what the action says of itself.
        streams: the end of each stream.
    """

    task: str
    number: int
    since: datetime | None
    at: datetime
    said: str
    streams: dict[str, str]


def running(source: Source, report: RunReport) -> list[Running]:
    """Give the attempts of a run that run, by its events, and put something out; those first that run longest."""
    tails: dict[tuple[str, int], list[LiveOutput]] = {}
    for tail in source.journal.shown(report.run):
        tails.setdefault((tail.task, tail.number), []).append(tail)
    found = [
        running_task(task, tails[task.id, number], lines=_MOST_LINES)
        for task in _tasks(report)
        if (task.id, number := task.attempts[-1].number) in tails
    ]
    return sorted(found, key=lambda one: (one.since is None, one.since, one.task))


def running_task(task: TaskReport, tails: Iterable[LiveOutput], *, lines: int = 0) -> Running:
    """Put together what a running task put out so far; 0 lines are all there are."""
    given = sorted(tails, key=lambda one: one.stream)
    line = task.attempts[-1]
    return Running(
        task=task.id,
        number=line.number,
        since=line.started,
        at=max(one.at for one in given),
        said=" ".join(_text(one.data) for one in given if one.stream == PROGRESS),
        streams={one.stream: _end(one, lines) for one in given if one.stream != PROGRESS},
    )


def runs_now(task: TaskReport) -> bool:
    """Whether an attempt of a task runs, by the run's events."""
    return task.state == "running" and bool(task.attempts) and task.attempts[-1].ended is None


def section(source: Source, run: str) -> str:
    """Write the element `running` of a run's page.

    Raises:
        JournalError: the run can't be read.
    """
    found = running(source, source.reports.report(source.journal, run))
    return render("running.html.j2", None, running=found, most=MOST_TASKS, url=f"/runs/{run}")


def _tasks(report: RunReport) -> Iterator[TaskReport]:
    return (task for step in report.steps for task in step.tasks if runs_now(task))


def _end(tail: LiveOutput, lines: int) -> str:
    """Give the end of a stream, with how much of it stands before that."""
    kept = tail.data
    if lines:
        kept = b"".join(tail.data.splitlines(keepends=True)[-lines:])
    before = tail.total - len(kept)
    return f"… {before:,} bytes before this …\n{_text(kept)}" if before > 0 else _text(kept)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
