"""The part of a run's page that is swapped in when something happened."""

from collections.abc import Mapping

from runbook_engine.web.pages.render import render
from runbook_engine.web.pages.run_view import run_view
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the element `live` of the run `query["run"]`.

    Raises:
        UsageError: there is no such run.
    """
    values = run_view(source, viewer, query["run"])
    return render("pruned_live.html.j2" if "report" not in values else "live.html.j2", viewer, **values)
