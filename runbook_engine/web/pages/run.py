"""The page of one run: where it stands, what it waits for, and everything that happened."""

from collections.abc import Mapping

from runbook_engine.web.pages.render import render
from runbook_engine.web.pages.run_view import run_view
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page of the run `query["run"]`.

    Raises:
        UsageError: there is no such run.
    """
    values = run_view(source, viewer, query["run"])
    return render("pruned.html.j2" if "report" not in values else "run.html.j2", viewer, **values)
