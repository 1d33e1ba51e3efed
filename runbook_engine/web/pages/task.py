"""One task of a run: every attempt, what was seen and changed, and what it put out."""

from collections.abc import Mapping

from runbook_engine.model.errors import UsageError
from runbook_engine.model.names import step_of
from runbook_engine.model.report_tasks import TaskReport
from runbook_engine.reporting import words
from runbook_engine.web.pages.heads import head_of
from runbook_engine.web.pages.render import render
from runbook_engine.web.pages.run_view import run_url
from runbook_engine.web.pages.running import Running, running_task, runs_now
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_MOST_BYTES = 200_000  # of a stream that are shown; the newest, which say how it ended
_MOST_ATTEMPTS = 10  # whose output is shown


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page of `query["task"]` in `query["run"]`.

    Raises:
        UsageError: there is no such run, or nothing was recorded of such a task.
    """
    head = head_of(source, query["run"])
    report = source.reports.report(source.journal, head.id)
    name = query.get("task", "")
    found = [(step, task) for step in report.steps for task in step.tasks if task.id == name]
    if not found:
        raise UsageError(
            f"nothing is recorded of a task {name[:200]!r} of run {head.id}", hint="its page lists the steps"
        )
    step, task = found[0]
    outputs = {
        line.number: _texts(source.journal.output(head.id, task.id, line.number))
        for line in task.attempts[-_MOST_ATTEMPTS:]
        if line.ended is not None
    }
    return render(
        "task.html.j2",
        viewer,
        title=f"{task.id} of {report.runbook}",
        head=head,
        report=report,
        url=run_url(head.id),
        step=step,
        task=task,
        state=words.standing(task),
        outputs=outputs,
        so_far=_so_far(source, head.id, task),
        siblings=len(step.tasks) if step_of(task.id) == step.id else 0,
    )


def _so_far(source: Source, run: str, task: TaskReport) -> Running | None:
    """Give what the task's running attempt put out until now; None when none runs, or it put out nothing yet."""
    if not runs_now(task):
        return None
    tails = [one for one in source.journal.shown(run) if (one.task, one.number) == (task.id, task.attempts[-1].number)]
    return running_task(task, tails) if tails else None


def _texts(streams: Mapping[str, bytes]) -> dict[str, str]:
    return {stream: _text(data) for stream, data in sorted(streams.items()) if data}


def _text(data: bytes) -> str:
    if len(data) <= _MOST_BYTES:
        return data.decode("utf-8", "replace")
    return f"… {len(data) - _MOST_BYTES} bytes left out …\n{data[-_MOST_BYTES:].decode('utf-8', 'replace')}"
