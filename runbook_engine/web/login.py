"""Logging in with a token or the one-time link, and logging out."""

import logging
import re
from urllib.parse import quote

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from runbook_engine.web.answers import check_csrf
from runbook_engine.web.desk import Desk
from runbook_engine.web.forms import read_form
from runbook_engine.web.replies import desk_of, error_page, page, viewer_of

_log = logging.getLogger("runbook.web")
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


async def show_login(request: Request) -> Response:
    """Give the page where one logs in; who is logged in already goes on."""
    there = own_path(request.query_params.get("next", ""))
    if request.state.viewer is not None:
        return RedirectResponse(there, 303)
    return HTMLResponse(await run_in_threadpool(page("login"), None, None, {"next": there}))


async def log_in(request: Request) -> Response:
    """Begin a session for who has a token or the one-time link; whatever session the browser had ends."""
    form = await read_form(request)
    desk = desk_of(request)
    address = request.client.host if request.client else ""
    there = own_path(form.get("next", ""))
    if wait := desk.tries.take(address):
        return await run_in_threadpool(error_page, request, 429, "too many tries to log in from here", wait=wait)
    known = await anyio.to_thread.run_sync(desk.login, form.get("token", "").strip(), limiter=desk.hashing)
    if known is None:
        _log.warning("login refused from %s", address)
        query = {"next": there, "problem": "nobody's token, or a link that was used or is too old"}
        return HTMLResponse(await run_in_threadpool(page("login"), None, None, query), 401)
    desk.tries.forgive(address)
    desk.sessions.end(request.state.session)
    _log.info("%s logged in from %s", known.person, address)
    answer = RedirectResponse(there, 303)
    _set_cookie(answer, desk, desk.sessions.begin(known.person, known.credential))
    return answer


async def log_out(request: Request) -> Response:
    """End the session."""
    check_csrf(await read_form(request), viewer_of(request))
    desk = desk_of(request)
    desk.sessions.end(request.state.session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(desk.settings.cookie, path="/", secure=desk.settings.secure, httponly=True, samesite="strict")
    return answer


def own_path(text: str) -> str:
    """Give a path of the dashboard as it was asked for; anything else is its first page."""
    path = quote(text, safe="/?&=%[]@:+,;~-._")
    return path if _OWN_PATH.fullmatch(path) and not path.startswith(("/login", "/logout")) else "/"


def _set_cookie(answer: Response, desk: Desk, session: str) -> None:
    answer.set_cookie(
        desk.settings.cookie, session, path="/", secure=desk.settings.secure, httponly=True, samesite="strict"
    )
