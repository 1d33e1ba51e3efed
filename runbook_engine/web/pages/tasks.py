"""The tasks of one step of a run, page by page: a step may have thousands of them."""

from collections.abc import Mapping

from runbook_engine.model.errors import UsageError
from runbook_engine.model.report_tasks import StepReport
from runbook_engine.reporting import words
from runbook_engine.web.pages.heads import head_of
from runbook_engine.web.pages.render import render
from runbook_engine.web.pages.run_view import run_url
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

PER_PAGE = 100


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the tasks of `query["step"]` in `query["run"]`, those that stand as `query["state"]` says, from `after` on.

    Raises:
        UsageError: there is no such run, or it has no such step.
    """
    head = head_of(source, query["run"])
    report = source.reports.report(source.journal, head.id)
    name, state, after = query.get("step", ""), query.get("state", ""), query.get("after", "0")
    step = next((one for one in report.steps if one.id == name), None)
    if step is None:
        raise UsageError(f"run {head.id} has no step {name[:100]!r}", hint="its page lists the steps")
    first = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0  # noqa: PLR2004 - digits
    found = [task for task in step.tasks if not state or words.standing(task) == state]
    return render(
        "tasks.html.j2",
        viewer,
        title=f"{step.id} of {report.runbook}",
        head=head,
        url=run_url(head.id),
        step=step,
        state=state,
        states=_states(step),
        tasks=found[first : first + PER_PAGE],
        first=first,
        number=len(found),
        next=first + PER_PAGE if len(found) > first + PER_PAGE else 0,
        untold=step.planned - len(step.tasks),
    )


def _states(step: StepReport) -> dict[str, int]:
    """Count how the tasks stand."""
    found: dict[str, int] = {}
    for task in step.tasks:
        word = words.standing(task)
        found[word] = found.get(word, 0) + 1
    return found
