"""The lab's web server: both status pages, the lab's own pages, and `/_lab/…`, by which it is told what to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from runbook_engine.lab import breaks, pages, status_page
from runbook_engine.lab.breaks import Broken
from runbook_engine.lab.errors import LabError
from runbook_engine.lab.serving import Serving

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STATUSPAGE_PREFIX, STATUSPAGE_SUFFIX = "/api/v2/", ".json"


class Fleet(Protocol):
    """What the control server asks of the app hosts."""

    def pids(self) -> dict[str, int | None]:
        """The process of each host; None while it is down."""


class Refusals(Protocol):
    """What the control server asks of the mail sink."""

    def refuse(self, address: str, code: int | None) -> None:
        """Refuse an address with a code, or accept it again."""

    def refusals(self) -> Mapping[str, int]:
        """The refused addresses."""


@dataclass(frozen=True, slots=True)
class Levers:
    """What can be moved from outside. `damage` returns when it is done, with what is broken then."""

    fleet: Fleet
    mail: Refusals
    regions: Mapping[str, str]
    damage: Callable[[Broken, bool], None]
    broken: Callable[[], list[str]]
    mailbox: Path
    links: Mapping[str, str]


class ControlServer(Serving):
    """Serves the status pages and the levers from threads of this process."""

    def __init__(self, levers: Levers, port: int = 0) -> None:
        """Bind the port; nothing is answered before `start`."""
        self._levers = levers
        self._lock = threading.Lock()
        self._state = status_page.StatusState(changed=datetime.now(UTC))
        self._readable = True
        self._listener = make_server("127.0.0.1", port, self._application, threaded=True, request_handler=_Quiet)
        super().__init__(self._listener, "control")

    @property
    def url(self) -> str:
        """Where both pages and the levers are."""
        return f"http://127.0.0.1:{self._listener.port}"

    def switch(self, changes: Mapping[str, object]) -> None:
        """Change what the status pages say."""
        with self._lock:
            self._state = status_page.switch(self._state, changes, datetime.now(UTC))

    def set_readable(self, *, readable: bool) -> None:
        """Let the status pages say what they say, or something that nobody can read."""
        self._readable = readable

    def _application(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = self._route(Request(environ))
        except LabError as error:
            response = _json({"error": error.message, "hint": error.hint}, HTTPStatus.BAD_REQUEST)
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        if request.method == "POST" and request.path.startswith("/_lab/"):
            self._move(request.path.removeprefix("/_lab/"), _document(request))
            return _json(self._describe())
        if request.method != "GET":
            return _json({"error": f"{request.method} is not served here"}, HTTPStatus.METHOD_NOT_ALLOWED)
        if request.path == "/_lab/state":
            return _json(self._describe())
        own = self._own_page(request.path)
        return self._page(request.path) if own is None else own

    def _own_page(self, path: str) -> Response | None:
        """One of the pages about the lab, for its user's browser."""
        if path == "/":
            return pages.overview(self._describe(), self._levers.links)
        if path == "/mail":
            return pages.mail_list(self._levers.mailbox)
        if path.startswith("/mail/"):
            return pages.mail(self._levers.mailbox, path.removeprefix("/mail/"))
        return None

    def _page(self, path: str) -> Response:
        """One of the status pages; 503 when it is down, 404 when there is no such page."""
        state = self._state if self._readable else replace(self._state, aws="garbage", statuspage="garbage")
        if path == "/public/currentevents":
            return _page(status_page.aws_feed(state), status_page.AWS_CONTENT_TYPE)
        if path.startswith(STATUSPAGE_PREFIX) and path.endswith(STATUSPAGE_SUFFIX):
            name = path.removeprefix(STATUSPAGE_PREFIX).removesuffix(STATUSPAGE_SUFFIX)
            if name in status_page.DOCUMENTS:
                return _page(status_page.statuspage_document(name, state), "application/json; charset=utf-8")
        return _json({"error": f"nothing at {path}"}, HTTPStatus.NOT_FOUND)

    def _move(self, lever: str, document: dict[str, object]) -> None:
        if lever == "state":
            self.switch(document)
        elif lever in {"break", "mend"}:
            words = document.get("what")
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise LabError(f"not a list of words: {document}", 'send {"what": ["region", "us-east-1"]}')
            self._levers.damage(breaks.parse(words), lever == "break")
        elif lever == "mail":
            address, code = document.get("address"), document.get("code")
            if not isinstance(address, str) or not (code is None or isinstance(code, int)):
                raise LabError(f"not an address and a code: {document}", "code is a number, or null to accept again")
            self._levers.mail.refuse(address, code)
        else:
            raise LabError(f"no such lever: {lever}", "there are state, break, mend and mail")

    def _describe(self) -> dict[str, object]:
        pids = self._levers.fleet.pids()
        up = {
            region: all(pids[host] is not None for host, here in self._levers.regions.items() if here == region)
            for region in sorted(set(self._levers.regions.values()))
        }
        return {
            **status_page.describe(self._state),
            "regions": {region: {"up": state} for region, state in up.items()},
            "apps": pids,
            "mail_refusals": dict(self._levers.mail.refusals()),
            "broken": self._levers.broken(),
        }


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests of the pages are not logged."""


def _document(request: Request) -> dict[str, object]:
    try:
        document = json.loads(request.get_data())
    except ValueError as error:
        raise LabError(f"the body is not JSON: {error}", "send a JSON object") from error
    if not isinstance(document, dict):
        raise LabError("the body is not a JSON object", "send a JSON object")
    return document


def _page(body: bytes | None, content_type: str) -> Response:
    if body is None:
        return Response("Service Unavailable", HTTPStatus.SERVICE_UNAVAILABLE, content_type="text/plain")
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _json(document: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
