"""The app that is failed over: one process a host, which serves what the host's folder says it is to serve.

It reads `app.json` anew for each request: until a release is deployed and active there it is a standby (503).
"""

from __future__ import annotations

import argparse
import html
import json
import os
import socketserver
import sqlite3
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from runbook_engine.lab import dataset
from runbook_engine.lab.parent import die_with_parent

SHOWN = 20
LARGEST_BODY = 65536

_SHOWN_COLUMNS = ("created_at", "app", "stars", "body")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{head}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto}}td{{padding-right:1rem}}</style>
<h1>{head}</h1><p>{about}</p><table>{rows}</table></html>
"""

Reply = tuple[HTTPStatus, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What `app.json` says: which release serves which data."""

    version: str
    region: str
    db: Path


def main(arguments: list[str] | None = None) -> int:
    """Serve one host until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m runbook_engine.lab.app", description=__doc__)
    parser.add_argument("--host-dir", type=Path, required=True, help="the host's folder")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--parent-pid", type=int, help="end together with this process, our direct parent")
    options = parser.parse_args(arguments)
    if options.parent_pid is not None:
        die_with_parent(options.parent_pid)
    with AppServer(options.host_dir, options.port) as server:
        server.serve_forever()
    return 0


def health(host: Path) -> Reply:
    """How the host is: 200 while it serves, 503 as a standby, with a missing release or without data."""
    deployment = _deployment(host)
    if deployment is None:
        return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "standby"}
    about = {"version": deployment.version, "region": deployment.region, "host": host.name}
    if not (host / "releases" / deployment.version / "release.json").exists():
        return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "error", "release": "missing", **about}
    try:
        with dataset.open_database(deployment.db, read_only=True) as database:
            count = int(database.execute("SELECT count(*) FROM reviews").fetchone()[0])
    except sqlite3.Error as error:
        missing = not deployment.db.exists()
        state = {"db": "missing"} if missing else {"db": "error", "error": str(error)}
        return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "error", **state, **about}
    return HTTPStatus.OK, {"status": "ok", "db": "ok", "reviews": count, **about}


def reviews(host: Path) -> Reply:
    """The newest reviews; what `health` says when the host does not serve."""
    code, state = health(host)
    deployment = _deployment(host)
    if code is not HTTPStatus.OK or deployment is None:
        return code, state
    with dataset.open_database(deployment.db, read_only=True) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM reviews ORDER BY id DESC LIMIT ?", (SHOWN,)).fetchall()
    return HTTPStatus.OK, {"count": state["reviews"], "reviews": [dict(row) for row in rows]}


def page(host: Path) -> tuple[HTTPStatus, str]:
    """What `reviews` says as a page for a browser: who serves it, from where, and the newest reviews."""
    code, said = reviews(host)
    deployment = _deployment(host)
    listed = said.get("reviews")
    if deployment is None or not isinstance(listed, list):
        return code, _PAGE.format(head="Reviews does not answer", about=html.escape(str(said)), rows="")
    about = f"{said['count']} reviews, served by {host.name} in {deployment.region}, release {deployment.version}"
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(row[name]))}</td>" for name in _SHOWN_COLUMNS) + "</tr>"
        for row in listed
    )
    return code, _PAGE.format(head="Reviews", about=html.escape(about), rows=rows)


def add_review(host: Path, body: bytes) -> Reply:
    """Store a review `{"app", "stars", "body"}`: 201 with its id, 400 if it is malformed."""
    code, state = health(host)
    deployment = _deployment(host)
    if code is not HTTPStatus.OK or deployment is None:
        return code, state
    try:
        review = json.loads(body)
        app, stars, text = str(review["app"]), int(review["stars"]), str(review["body"])
        number = dataset.add_review(deployment.db, app, stars, text, datetime.now(UTC))
    except (ValueError, KeyError, TypeError, sqlite3.IntegrityError) as error:
        return HTTPStatus.BAD_REQUEST, {"error": f"not a review with app, stars 1 to 5 and body: {error!r}"}
    return HTTPStatus.CREATED, {"id": number}


class AppServer(ThreadingHTTPServer):
    """The HTTP server of one host; its port may be held open for it by the lab."""

    daemon_threads = True
    allow_reuse_port = True  # the lab keeps the port reserved while this process is down

    def __init__(self, host: Path, port: int) -> None:
        """Bind 127.0.0.1."""
        self.host = host
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Bind without the name look-up of http.server, which may be slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    server: AppServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/health":
            self._answer(health(self.server.host))
        elif path == "/" and "text/html" in self.headers.get("Accept", ""):
            code, text = page(self.server.host)
            self._send(code, text.encode(), "text/html; charset=utf-8")
        elif path in {"/", "/reviews"}:
            self._answer(reviews(self.server.host))
        else:
            self._answer((HTTPStatus.NOT_FOUND, {"error": f"nothing at {path}"}))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if urlsplit(self.path).path != "/reviews":
            self._answer((HTTPStatus.NOT_FOUND, {"error": "only /reviews takes a POST"}))
        elif length > LARGEST_BODY:
            self._answer((HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"at most {LARGEST_BODY} bytes"}))
        else:
            self._answer(add_review(self.server.host, self.rfile.read(length)))

    def _answer(self, reply: Reply) -> None:
        code, document = reply
        self._send(code, json.dumps(document, ensure_ascii=False).encode(), "application/json")

    def _send(self, code: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Served-By", self.server.host.name)
        self.end_headers()
        self.wfile.write(body)


def _deployment(host: Path) -> Deployment | None:
    """What is deployed and active on the host; None on a standby."""
    try:
        document = json.loads((host / "app.json").read_bytes())
    except FileNotFoundError:
        return None
    if not document["active"]:
        return None
    return Deployment(document["version"], document["region"], Path(os.fsdecode(document["db"])))


if __name__ == "__main__":
    sys.exit(main())
