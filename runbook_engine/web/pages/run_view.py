"""All that the page of a run shows, read once for the whole page and for its live part."""

from datetime import UTC, datetime
from urllib.parse import quote

from markupsafe import Markup

from runbook_engine.app.status import RunStatus, run_status
from runbook_engine.model.report import RunReport
from runbook_engine.model.report_tasks import Trouble
from runbook_engine.reporting.graph_svg import as_svg
from runbook_engine.reporting.html import make_chart
from runbook_engine.reporting.inert import visible
from runbook_engine.reporting.outlook import outlook
from runbook_engine.reporting.run_graph import run_graph
from runbook_engine.reporting.troubles import group_troubles
from runbook_engine.web.pages.asks import asks, may_steer
from runbook_engine.web.pages.heads import head_of
from runbook_engine.web.pages.running import MOST_TASKS, running
from runbook_engine.web.pages.step_cards import folded, newest_attempts, step_cards
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_MOST_OUTPUTS = 6
_PATIENCE = 0.5  # seconds for what earlier runs took; the next look has it
_WORDS = {"stopped": "nobody advances it", "running": "a process advances it", "waiting": "waits for a person"}


def run_view(source: Source, viewer: Viewer | None, run: str) -> dict[str, object]:
    """Give the values of the run's templates.

    Raises:
        UsageError: there is no such run.
        JournalError: it can't be read.
    """
    head = head_of(source, run)
    now = datetime.now(UTC)
    if head.pruned:
        return {"head": head, "seq": head.events, "url": run_url(run), "title": head.id}
    report = source.reports.report(source.journal, run)
    status = run_status(source.journal, head, now=now)
    questions = asks(status, source.project.team, viewer)
    graph = run_graph(report)
    over = status.closed_at is not None
    takes = source.usual.of(source.journal, report.runbook, wait=_PATIENCE) if not over else {}
    return {
        "head": head,
        "url": run_url(run),
        "report": report,
        "status": status,
        "standing": _standing(status),
        "asks": questions,
        "steers": may_steer(viewer),
        "outlook": outlook(report, takes, now),
        "cards": step_cards(report),
        "graph": picture(as_svg(graph, inline=True, styled=False)) if graph else "",
        "chart": make_chart(folded(report), None if over else now),
        "deviations": [one for one in report.deviations if one.kind != "tolerated"],
        "tolerated": _tolerated(report),
        "running": running(source, report) if not over else [],
        "most": MOST_TASKS,
        "outputs": _outputs(source, report),
        "seq": report.events,
        "title": _title(report, status),
        "summary": _summary(status, len(questions)),
    }


def picture(svg: str) -> Markup:
    """Take a drawing into a page: its texts were escaped where it was drawn, and act no more than they do elsewhere."""
    return Markup(visible(svg))  # noqa: S704 - its texts are escaped where it is drawn


def run_url(run: str) -> str:
    """Give the address of a run's page."""
    return f"/runs/{quote(run, safe='')}"


def _standing(status: RunStatus) -> str:
    """Say where the run stands, beside the word."""
    if status.paused is not None:
        return "paused: nothing new is started"
    if status.aborting is not None:
        return "is to end"
    if status.status == "running" and (status.gates or status.held):
        return "a process advances it, and waits for a person"
    return _WORDS.get(status.status, "")


def _title(report: RunReport, status: RunStatus) -> str:
    waits = "? " if status.gates or status.held else ""
    return f"{waits}{status.status}: {report.runbook}"


def _summary(status: RunStatus, questions: int) -> str:
    """Say in one sentence what is read aloud when it changed."""
    waits = f"; {questions} question{'' if questions == 1 else 's'} to people" if questions else ""
    return f"{status.status}, {status.ended} of {status.tasks} tasks ended{waits}"


def _tolerated(report: RunReport) -> tuple[Trouble, ...]:
    """Give the failures that the run went on with, those with the same reason together."""
    return group_troubles((one.what, "failed", one.reason) for one in report.deviations if one.kind == "tolerated")


def _outputs(source: Source, report: RunReport) -> list[tuple[str, int, datetime, dict[str, str]]]:
    """Give what the newest attempts put out, newest first."""
    found = []
    for task, number, ended in newest_attempts(report, 5 * _MOST_OUTPUTS):
        captured = source.reports.captured(source.journal, report.run, task.id, number)
        if captured:
            found.append((task.id, number, ended, captured))
        if len(found) == _MOST_OUTPUTS:
            break
    return found
