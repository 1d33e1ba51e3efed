"""The dashboard as an ASGI application: its routes, and what stands in front of them."""

import logging

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from runbook_engine.app.clock import SteadyClock
from runbook_engine.app.metrics import Metrics
from runbook_engine.model.errors import RunbookError
from runbook_engine.web.answers import POSTS, answering
from runbook_engine.web.desk import Desk
from runbook_engine.web.doors import Doors
from runbook_engine.web.feeds import Feeds, look
from runbook_engine.web.fragments import Fragments
from runbook_engine.web.login import log_in, log_out, show_login
from runbook_engine.web.replies import error_page, refuse
from runbook_engine.web.security.guard import Guard
from runbook_engine.web.stream import events
from runbook_engine.web.views import PAGES, compliance_file, healthy, live, metrics, output, paged, report

_log = logging.getLogger("runbook.web")
_COSTLY_AT_ONCE = 2
_NOT_THERE, _NOT_SO = 404, 405


class Dashboard:
    """The application of a desk.

    Attributes:
        asgi: what a server calls.
    """

    def __init__(self, desk: Desk) -> None:
        routes = [
            *(Route(path, paged(name), methods=["GET"]) for path, name in PAGES.items()),
            Route("/runs/{run}/live", live, methods=["GET"]),
            Route("/runs/{run}/events", events, methods=["GET"]),
            Route("/runs/{run}/output/{task:path}/{attempt:int}", output, methods=["GET"]),
            Route("/runs/{run}/report", report, methods=["GET"]),
            *(Route(path, answering(*form), methods=["POST"]) for path, form in POSTS.items()),
            Route("/login", show_login, methods=["GET"]),
            Route("/login", log_in, methods=["POST"]),
            Route("/logout", log_out, methods=["POST"]),
            Route("/compliance.ics", compliance_file, methods=["GET"]),
            Route("/compliance.json", compliance_file, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/healthz", healthy, methods=["GET"]),
            Mount("/assets", StaticFiles(packages=[("runbook_engine.web", "assets")])),
        ]
        application = Starlette(
            routes=routes,
            exception_handlers={RunbookError: _refused, HTTPException: _not_there, Exception: _defect},
        )
        self._feeds = Feeds(desk, look)
        application.state.feeds = self._feeds
        application.state.fragments = Fragments(desk.csrf_mark)
        application.state.metrics = Metrics(desk.source().project, SteadyClock())
        application.state.costly = anyio.CapacityLimiter(_COSTLY_AT_ONCE)
        self.asgi: ASGIApp = Guard(Doors(application, desk), desk.settings)

    def close(self) -> None:
        """Let those go who watch, so that the server can end."""
        self._feeds.close()


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RunbookError):
        raise error
    return await run_in_threadpool(refuse, request, error)


async def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {_NOT_THERE: "there is no such page", _NOT_SO: "that can't be done here"}
    return await run_in_threadpool(error_page, request, status, words.get(status, "the request makes no sense"))


async def _defect(request: Request, error: Exception) -> Response:
    _log.error("a defect, at %s %r", request.method, request.url.path, exc_info=error)
    text = "this is a defect of the dashboard, and its log has the details; runs go on, and `runbook status` works\n"
    return PlainTextResponse(text, 500)
