"""Stands before every request: whom it is for, where it comes from; and puts the headers under every response."""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runbook_engine.web.security.headers import HEADERS, SECURE_HEADERS
from runbook_engine.web.security.origin import client_address, host_problem, sender_problem
from runbook_engine.web.settings import Settings

_log = logging.getLogger("runbook.web")


class Guard:
    """An ASGI application in front of another one."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._headers = {**HEADERS, **(SECURE_HEADERS if settings.secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        address = client_address(peer, headers, self._settings)
        status, problem = self._problem(scope["method"], headers, address)
        if problem:
            _log.warning("refused from %s: %s: %s", peer, scope["method"], problem)
            await PlainTextResponse(f"{problem}\n", status)(scope, receive, send_with_headers)
            return
        await self._app({**scope, "client": (address, 0)}, receive, send_with_headers)

    def _problem(self, method: str, headers: Headers, address: str | None) -> tuple[int, str]:
        if address is None:
            return 403, "this dashboard is reached by its reverse proxy only"
        if problem := host_problem(headers, self._settings):
            return 421, problem
        return 403, sender_problem(method, headers, self._settings)
