"""The page that says what went wrong, and what to do."""

from collections.abc import Mapping

from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_WORDS = {
    "400": "That was not understood",
    "401": "Log in first",
    "403": "That is not yours to do",
    "404": "There is nothing here",
    "405": "That can't be done here",
    "409": "That came too late",
    "410": "That was removed",
    "413": "That was too long",
    "422": "A file is not valid",
    "429": "Too many tries",
    "500": "The dashboard failed",
    "503": "The journal can't be read now",
}


def page(_source: Source | None, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page of `query["status"]`: `message`, `hint`, a link `back`, and what somebody `wrote` in vain."""
    status = query.get("status", "500")
    return render(
        "error.html.j2",
        viewer,
        title=_WORDS.get(status, "That did not work"),
        status=status,
        message=query.get("message", ""),
        hint=query.get("hint", ""),
        back=query.get("back", "/"),
        wrote=query.get("wrote", ""),
    )
