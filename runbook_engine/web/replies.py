"""Turns what went wrong into a page with the right status: what, why, and what to do."""

import logging
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from runbook_engine.app.answer import AnsweredAlreadyError, AnswerRefusedError
from runbook_engine.app.project import InvalidFilesError
from runbook_engine.model.errors import (
    InvalidInputError,
    JournalError,
    PrunedRunError,
    RunbookError,
    UsageError,
)
from runbook_engine.web.desk import Desk
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_log = logging.getLogger("runbook.web")
_RUN = re.compile(r"/runs/[\w-]+")
_LONGEST_WORD, _LONGEST_TEXT = 200, 1000
_STATUS: dict[type[RunbookError], int] = {
    AnsweredAlreadyError: 409,
    AnswerRefusedError: 403,
    PrunedRunError: 410,
    JournalError: 503,
    InvalidFilesError: 422,
}
Page = Callable[[Source | None, Viewer | None, Mapping[str, str]], str]


class RefusedError(RunbookError):
    """A request is not answered, with the HTTP status that says so."""

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def page(name: str) -> Page:
    """Give the function that writes a page."""
    return cast("Page", import_module(f"runbook_engine.web.pages.{name}").page)


def desk_of(request: Request) -> Desk:
    """Give what all requests share."""
    return cast("Desk", request.state.desk)


def viewer_of(request: Request) -> Viewer:
    """Give who asks; the doors let nobody else through."""
    return cast("Viewer", request.state.viewer)


def refuse(request: Request, error: RunbookError) -> Response:
    """Write the page that says why something is not done; also has a journal that is gone opened anew."""
    if isinstance(error, JournalError):
        desk_of(request).give_up(error)
    status = status_of(error, writes=request.method == "POST")
    if status >= 500:  # noqa: PLR2004 - that is what is ours, or the journal's
        _log.error("%s: %s", request.method, error.message)
    return error_page(request, status, _capped(error.message), _capped(error.hint))


def error_page(request: Request, status: int, message: str, hint: str = "", *, wait: float = 0) -> Response:
    """Write the page of an error."""
    query = {"status": str(status), "message": message, "hint": hint, "back": _back(request)}
    query["wrote"] = getattr(request.state, "wrote", "")
    headers = {"retry-after": f"{wait:.0f}"} if wait else None
    return HTMLResponse(page("error")(None, request.state.viewer, query), status, headers=headers)


def status_of(error: RunbookError, *, writes: bool) -> int:
    """Give the HTTP status of an error: of an answer that came too late (409), of a page that is not there (404)."""
    if isinstance(error, RefusedError):
        return error.status
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    if isinstance(error, InvalidInputError | UsageError):
        return 409 if writes else 404
    return 409 if writes else 500


def _capped(text: str) -> str:
    """Give a text of an error without the whole of what somebody sent: messages repeat what they are about."""
    short = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda found: f"{found[0][:_LONGEST_WORD]}…", text)
    return short if len(short) <= _LONGEST_TEXT else f"{short[:_LONGEST_TEXT]}…"


def _back(request: Request) -> str:
    run = request.path_params.get("run")
    if request.state.viewer is None:
        beyond = _RUN.match(request.url.path)  # the door stands before the paths
        return f"/login?{urlencode({'next': beyond[0]})}" if beyond else "/login"
    return f"/runs/{run}" if run else "/"
