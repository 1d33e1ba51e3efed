"""Answers to those who look: pages, a task's output, a run's report, how the dashboard itself is."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from runbook_engine.app.metrics import Metrics
from runbook_engine.app.report import make_report, render_report
from runbook_engine.model.errors import JournalError
from runbook_engine.reporting.inert import visible
from runbook_engine.web.feeds import Feeds
from runbook_engine.web.fragments import Fragments
from runbook_engine.web.pages.compliance import calendar_file, json_file
from runbook_engine.web.paths import check_runbook, run_of
from runbook_engine.web.replies import RefusedError, desk_of, page, viewer_of
from runbook_engine.web.security.headers import DOCUMENT_POLICY
from runbook_engine.web.source import Source

PAGES = {
    "/": "runs",
    "/runs/{run}": "run",
    "/runs/{run}/task": "task",
    "/runs/{run}/tasks": "tasks",
    "/runbooks": "runbooks",
    "/runbooks/{name}": "runbook",
    "/compliance": "compliance",
    "/journal": "journal",
}
"""Module (in `web.pages`) by path."""

_COSTLY = frozenset({"compliance", "journal", "runbook", "runbooks"})
_CALENDAR = ("text/calendar; charset=utf-8", "dr-calendar.ics")
_JSON = ("application/json", "compliance.json")
_MOST_OUTPUT = 2 << 20
Endpoint = Callable[[Request], Awaitable[Response]]


def paged(name: str) -> Endpoint:
    """Make the endpoint of a page."""

    async def endpoint(request: Request) -> Response:
        return HTMLResponse(await _work(request, _write, name, request, costly=name in _COSTLY))

    return endpoint


async def live(request: Request) -> Response:
    """Give the live part of a run's page; written once for all who watch it."""
    fragments: Fragments = request.app.state.fragments
    feeds: Feeds = request.app.state.feeds
    viewer, run = viewer_of(request), request.path_params["run"]
    standing = feeds.known(run)
    ready = fragments.ready(run, viewer, standing)
    if ready is None:

        def write() -> str:
            source = desk_of(request).source()
            run_of(source, run)
            return fragments.write(run, viewer, standing, lambda shared: page("live")(source, shared, _query(request)))

        ready = await run_in_threadpool(write)
    return HTMLResponse(ready)


async def output(request: Request) -> Response:
    """Give what an attempt of a task printed, as text in which nothing acts."""
    text = await run_in_threadpool(_output, request)
    return PlainTextResponse(text, headers={"content-security-policy": DOCUMENT_POLICY})


async def report(request: Request) -> Response:
    """Give a run's report, as `runbook report` writes it: a document without any of the dashboard's rights."""

    def write() -> str:
        source = desk_of(request).source()
        run = run_of(source, request.path_params["run"]).id
        return render_report(make_report(source.journal, run, verify=True), "html")

    text = await _work(request, write, costly=True)
    return HTMLResponse(text, headers={"content-security-policy": DOCUMENT_POLICY})


async def healthy(request: Request) -> Response:
    """Tell a supervisor whether the dashboard can read its journal; and nothing more, for anybody may ask."""

    def look() -> None:
        desk_of(request).source().journal.runs(limit=1)

    try:
        await run_in_threadpool(look)
    except JournalError as error:
        desk_of(request).give_up(error)
        return PlainTextResponse("the journal can't be read; the dashboard's log says why\n", 503)
    return PlainTextResponse("ok\n")


async def metrics(request: Request) -> Response:
    """Give the metrics to Prometheus; it logs in with a person's token, as `Authorization: Bearer`."""
    offered: Metrics = request.app.state.metrics
    found = await run_in_threadpool(offered.render, request.headers.get("accept", ""))
    return Response(found.body, headers={"content-type": found.content_type})


async def compliance_file(request: Request) -> Response:
    """Give the duties as a calendar that others subscribe to or take in, or as JSON."""
    as_calendar = request.url.path.endswith(".ics")
    give = calendar_file if as_calendar else json_file
    body = await anyio.to_thread.run_sync(lambda: give(desk_of(request).source()), limiter=request.app.state.costly)
    kind, name = _CALENDAR if as_calendar else _JSON
    return Response(body, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


def _write(name: str, request: Request) -> str:
    source, query = desk_of(request).source(), _query(request)
    if "run" in request.path_params:
        run_of(source, query["run"])
    if "name" in request.path_params:
        check_runbook(query["name"])
    return page(name)(source, viewer_of(request), query)


def _query(request: Request) -> Mapping[str, str]:
    """Give the names of the path and the query. None has a NUL in it, and not every database can look for one."""
    query = {**request.query_params, **request.path_params}
    if any("\x00" in str(value) for value in query.values()):
        raise RefusedError(404, "there is nothing of that name")
    return query


def _output(request: Request) -> str:
    source: Source = desk_of(request).source()
    names: Mapping[str, Any] = _query(request)
    run = run_of(source, names["run"])
    streams = source.journal.output(run.id, names["task"], names["attempt"]) if names["attempt"] < 1 << 31 else {}
    if not streams:
        raise RefusedError(404, "no output was kept of that attempt")
    return "\n".join(f"--- {name}\n{_shown(data)}" for name, data in streams.items())


def _shown(data: bytes) -> str:
    text = visible(data[:_MOST_OUTPUT].decode("utf-8", "replace"))
    return text if len(data) <= _MOST_OUTPUT else f"{text}\n--- cut: {len(data):,} bytes in all\n"


async def _work(request: Request, work: Callable[..., str], *args: object, costly: bool) -> str:
    """Do in a thread what reads files or the journal; what is costly waits for its turn."""
    if not costly:
        return await run_in_threadpool(work, *args)
    return await anyio.to_thread.run_sync(work, *args, limiter=request.app.state.costly)
