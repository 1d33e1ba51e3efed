"""Lets in who is logged in, and leads everybody else to the door: without a session there is nothing to see."""

import logging
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runbook_engine.model.errors import RunbookError
from runbook_engine.web.desk import Desk
from runbook_engine.web.keys import TooManyTriesError, whose
from runbook_engine.web.replies import error_page
from runbook_engine.web.security.sessions import Session
from runbook_engine.web.security.tokens import Known
from runbook_engine.web.viewer import Viewer

_log = logging.getLogger("runbook.web")
_OPEN = frozenset({"/login", "/healthz"})
_BY_THEMSELVES = ("/live", "/events")
"""What an open page asks for by itself: that does not make a session be in use."""


class Doors:
    """An ASGI application in front of another one, which finds `viewer` (or None) and `session` in its state."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who asks, and let them through or not."""
        request, path = Request(scope), scope["path"]
        session = request.cookies.get(self._desk.settings.cookie, "")
        try:
            viewer = await self._viewer(request, session)
        except TooManyTriesError as error:
            headers = {"retry-after": f"{error.wait:.0f}"}
            await PlainTextResponse("too many wrong tokens from here\n", 429, headers)(scope, receive, send)
            return
        except RunbookError as error:
            _log.error("nobody can be let in: %s", error.message)
            await PlainTextResponse(_words(error), 503)(scope, receive, send)
            return
        if viewer is None and path not in _OPEN and not path.startswith("/assets/"):
            state = {**scope.get("state", {}), "viewer": None}
            await _to_the_door(Request({**scope, "state": state}))(scope, receive, send)
            return
        state = {**scope.get("state", {}), "viewer": viewer, "session": session, "desk": self._desk}
        await self._app({**scope, "state": state}, receive, send)

    async def _viewer(self, request: Request, session: str) -> Viewer | None:
        if session:
            found = self._desk.sessions.find(session, used=not request.url.path.endswith(_BY_THEMSELVES))
            return await who(self._desk, found) if found is not None else None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if request.url.path != "/metrics" or scheme.lower() != "bearer":
            return None
        address = request.client.host if request.client else ""
        known = await whose(self._desk, self._desk.scrapes, address, token.strip())
        return await run_in_threadpool(self._desk.viewer_of, known, "") if known is not None else None


async def who(desk: Desk, session: Session) -> Viewer | None:
    """Give who a session belongs to; looked up in a thread, unless that was done a moment ago.

    Raises:
        RunbookError: team.yml or the tokens can't be read.
    """
    remembered = desk.remembered(Known(session.person, session.credential), session.csrf)
    return remembered or await run_in_threadpool(desk.viewer, session)


def _to_the_door(request: Request) -> Response:
    """Send a person to the login, and tell a program that it is not logged in."""
    if request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", ""):
        query = f"?{request.url.query}" if request.url.query else ""
        there = f"{request.url.path}{query}"
        return RedirectResponse("/login" if there == "/" else f"/login?{urlencode({'next': there})}", 303)
    if "text/html" in request.headers.get("accept", ""):
        hint = "log in (in another tab, if what you wrote still stands behind this page), and say it once more"
        return error_page(request, 401, "you are not logged in any more, and nothing was recorded", hint)
    return PlainTextResponse("log in first\n", 401)


def _words(error: RunbookError) -> str:
    return f"{error.message}\n{error.hint}\n" if error.hint else f"{error.message}\n"
