"""The visitor's address: asks the zone where the app's name leads, and passes requests on to a host that serves there.

It stands for the visitors' browsers, which ask the name server and then a load balancer of the region.
"""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from runbook_engine.lab.serving import Serving

LARGEST_BODY = 65536
SECONDS = 3.0
NOBODY = b"The app does not answer: its name leads to no host that is up.\n"
PASSED_ON = ("Content-Type", "Content-Security-Policy", "X-Served-By")

Route = Callable[[], Sequence[str]]
"""Gives the addresses of the hosts that the name leads to now; none when it leads nowhere."""


class FrontServer(Serving):
    """Serves the visitor's address from threads of this process."""

    def __init__(self, route: Route, port: int = 0) -> None:
        """Bind the port; nothing is answered before `start`."""
        self._listener = _Server(route, port)
        super().__init__(self._listener, "front")

    @property
    def url(self) -> str:
        """Where visitors go."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def stop(self) -> None:
        """Stop answering, free the port, and leave the hosts alone."""
        super().stop()
        self._listener.client.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, route: Route, port: int) -> None:
        self.route = route
        self.client = httpx.Client(trust_env=False, timeout=SECONDS)
        super().__init__(("127.0.0.1", port), _Visit)

    def server_bind(self) -> None:
        """Bind without the name look-up of http.server, which may be slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


class _Visit(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too long\n", {})
        else:
            self._pass_on(self.rfile.read(length))

    def _pass_on(self, body: bytes) -> None:
        """Answer what the first host that serves answers; without one what the last that was reached says."""
        headers = {"Accept": self.headers.get("Accept", "*/*")}
        got: httpx.Response | None = None
        for host in self.server.route():
            try:
                got = self.server.client.request(self.command, f"{host}{self.path}", content=body, headers=headers)
            except httpx.TransportError:
                continue  # the next one may live
            if got.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                break
        if got is None:
            self._answer(HTTPStatus.BAD_GATEWAY, NOBODY, {})
            return
        passed = {name: got.headers[name] for name in PASSED_ON if name in got.headers}
        self._answer(got.status_code, got.content, passed)

    def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Visits are not logged."""
