"""The page of one runbook: its graph, what it needs, what is due for it, and whether it would work today."""

from collections.abc import Mapping
from datetime import UTC, datetime

from runbook_engine.app.compliance import duties
from runbook_engine.app.graph import load_graph
from runbook_engine.app.list_runbooks import RunbookLine, list_runbooks
from runbook_engine.app.readiness_history import looks
from runbook_engine.model.errors import UsageError
from runbook_engine.model.step_graph import StepGraph
from runbook_engine.reporting.compliance import duty_line
from runbook_engine.reporting.graph_svg import as_svg
from runbook_engine.reporting.outlook import StepAhead, to_go
from runbook_engine.reporting.run_graph import MOST_STEPS
from runbook_engine.web.pages.compliance import SOON
from runbook_engine.web.pages.render import render
from runbook_engine.web.pages.run_view import picture
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_MOST_RUNS = 10
_PATIENCE = 5.0  # seconds for what earlier runs took


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page of the runbook `query["name"]`, by its file's name.

    Raises:
        UsageError: there is none.
        JournalError: the journal can't be read, or a run that would count was changed after it was written.
    """
    name = query["name"]
    line = next((one for one in list_runbooks(source.project) if one.file == name), None)
    if line is None:
        raise UsageError(f"there is no runbook {name[:100]!r}", hint="the list of runbooks has all of the project")
    if line.runbook is None:
        return render("runbook.html.j2", viewer, title=name, line=line, book=None)
    now = datetime.now(UTC)
    graph = load_graph(source.project, name)
    return render(
        "runbook.html.j2",
        viewer,
        title=line.name,
        line=line,
        book=line.runbook,
        graph=picture(as_svg(graph, inline=True, styled=False)) if len(graph.nodes) <= MOST_STEPS else None,
        nodes=graph.nodes,
        before=_before(graph),
        usual=_usual(source, line, graph),
        duties=[(one, duty_line(one, now)) for one in duties(source.project, now, SOON) if one.runbook == line.name],
        looks=looks(source.journal, line.name),
        runs=[head for head in source.journal.runs() if head.runbook == line.name][:_MOST_RUNS],
    )


def _before(graph: StepGraph) -> dict[str, list[str]]:
    """Give what each step waits for."""
    found: dict[str, list[str]] = {}
    for edge in graph.edges:
        found.setdefault(edge.after, []).append(f"{edge.before}@target" if edge.per_target else edge.before)
    return found


def _usual(source: Source, line: RunbookLine, graph: StepGraph) -> float | None:
    """Give the seconds that the longest chain of steps usually takes; None where earlier runs don't tell of each."""
    before = _before(graph)
    steps = (StepAhead(node.id, tuple(before.get(node.id, ())), over=False, passed=0.0) for node in graph.nodes)
    found = to_go(steps, source.usual.of(source.journal, line.name, wait=_PATIENCE))
    return found.seconds if found is not None and found.whole else None
