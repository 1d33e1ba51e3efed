"""Logging in with a token or the one-time link, and logging out."""

import logging
import re
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from runbook_engine.web.answers import check_csrf
from runbook_engine.web.desk import Desk
from runbook_engine.web.forms import read_form
from runbook_engine.web.keys import TooManyTriesError, whose
from runbook_engine.web.replies import desk_of, error_page, page, viewer_of

_log = logging.getLogger("runbook.web")
_NOBODYS = "nobody's token, or a link that was used or is too old"
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


async def show_login(request: Request) -> Response:
    """Give the page where one logs in; who is logged in already goes on from there.

    Not by a redirect: it would keep what stands behind `#`, the secret of a one-time link, in the address.
    """
    there = own_path(request.query_params.get("next", ""))
    return HTMLResponse(await run_in_threadpool(page("login"), None, request.state.viewer, {"next": there}))


async def log_in(request: Request) -> Response:
    """Begin a session for who has a token or the one-time link; whatever session the browser had ends.

    What a script of ours took from behind `#` (`by=link`) is a one-time link or nothing: anybody can have somebody
    open an address with a token of their own in it, and nobody shall act as another one without knowing.
    """
    form = await read_form(request)
    desk = desk_of(request)
    address = request.client.host if request.client else ""
    there = own_path(form.get("next", ""))
    token, by_link = form.get("token", "").strip(), form.get("by") == "link"
    try:
        known = desk.login_by_link(token)
        if known is None and not by_link:
            known = await whose(desk, desk.tries, address, token)
    except TooManyTriesError as error:
        words = "too many tries to log in from here"
        return await run_in_threadpool(error_page, request, 429, words, wait=error.wait)
    if known is None:
        _log.warning("login refused from %s", address)
        problem = "a link that was used, is too old, or is none" if by_link else _NOBODYS
        query = {"next": there, "problem": problem}
        return HTMLResponse(await run_in_threadpool(page("login"), None, request.state.viewer, query), 401)
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
