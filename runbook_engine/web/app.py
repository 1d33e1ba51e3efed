"""The dashboard as an ASGI application: its routes, and what stands in front of them."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from runbook_engine.app.project import OpenProject, actor, roles_of
from runbook_engine.web.routes import PAGES
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

Page = Callable[[Source, Viewer | None, Mapping[str, str]], str]


def build_app(project: OpenProject) -> Starlette:
    """Make the dashboard of a project."""
    source = Source(project, project.journal(create=True))
    routes = [Route(path, _page(source, name)) for path, name in PAGES.items()]
    assets = StaticFiles(packages=[("runbook_engine.web", "assets")])
    return Starlette(routes=[*routes, Route("/healthz", _healthy), Mount("/assets", assets)])


def _page(source: Source, name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        speaker = actor(source.project.team)
        viewer = Viewer(speaker.name, speaker.name, roles_of(source.project.team, speaker), "")
        query = {**request.query_params, **request.path_params}
        page = cast("Page", import_module(f"runbook_engine.web.pages.{name}").page)
        return HTMLResponse(page(source, viewer, query))

    return answer


def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok\n")
