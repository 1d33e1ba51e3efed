"""The page where a person logs in: by a token of theirs, or by the one-time link that `runbook serve` prints."""

from collections.abc import Mapping

from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer


def page(_source: Source | None, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page; `query["problem"]` says why the last try failed, `query["next"]` where one goes afterwards.

    Who is logged in already (`viewer`) is asked before that ends.
    """
    return render(
        "login.html.j2",
        viewer,
        title="Log in",
        problem=query.get("problem", ""),
        following=query.get("next", "/"),
    )
