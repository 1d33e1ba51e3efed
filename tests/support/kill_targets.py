"""The targets of one run: a ticket service, an emulated S3, a mail server. Each can end the engine at a request.

A process of its own. A file `strike-POINT` in the folder asks for it: whoever reaches that point removes the file and
kills the engine, whose process id is in `engine.pid`. Prints the ports, and ends when its standard input does.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.smtp import SMTP
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

FOLDER = Path(sys.argv[1])


class Busy:
    """Counts requests in work, so that somebody can wait until there is none."""

    def __init__(self):
        self._count, self._changed = 0, threading.Condition()

    @contextmanager
    def __call__(self):
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def wait(self):
        with self._changed:
            assert self._changed.wait_for(lambda: self._count == 0, 30)

    def _add(self, number):
        with self._changed:
            self._count += number
            self._changed.notify_all()


BUSY = Busy()


def wanted(point):
    """Give whether something was asked for at this point; once."""
    try:
        (FOLDER / f"strike-{point}").unlink()
    except FileNotFoundError:
        return False
    return True


def strike(point):
    """Kill the engine if that was asked for at this point; give whether it was."""
    if not wanted(point):
        return False
    os.kill(int((FOLDER / "engine.pid").read_text()), signal.SIGKILL)
    return True


class Tickets(BaseHTTPRequestHandler):
    """POST makes a ticket, once for each token; PUT sets a record, which GET shows. /quiet waits for all requests."""

    protocol_version = "HTTP/1.1"
    made: dict[str, int] = {}
    posts: list[str] = []
    records: dict[str, str] = {}
    puts: list[str] = []

    def log_message(self, *_):
        """Not said."""

    def do_GET(self):
        if self.path == "/quiet":
            BUSY.wait()
            self._tell(200, {"posts": self.posts, "made": len(self.made), "puts": self.puts})
            return
        if self.path == "/forget":
            for seen in (self.made, self.posts, self.records, self.puts):
                seen.clear()
            self._tell(200, {})
            return
        with BUSY():
            found = self.records.get(self.path)
            self._tell(404 if found is None else 200, found)
            return

    def do_POST(self):
        with BUSY():
            self._body()
            token = self.headers["Idempotency-Key"]
            self.posts.append(token)
            if wanted("token-refused"):
                self._tell(503, {"error": "not now"})
                return
            if strike("token-lost"):
                return
            strike("token-received")
            number = self.made.setdefault(token, len(self.made) + 1)
            self._tell(201, {"ticket": number})
            strike("token-answered")
            return

    def do_PUT(self):
        with BUSY():
            body = self._body()
            if strike("record-lost"):
                return
            strike("record-received")
            self.puts.append(self.path)
            self.records[self.path] = body
            self._tell(200, {})
            strike("record-answered")

    def _body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0))).decode()

    def _tell(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Whose peer was killed has nobody to answer."""


def cloud(environ, start_response):
    """Serve moto; copies are counted, and struck before and after."""
    with BUSY():
        copies = environ["REQUEST_METHOD"] == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ
        if copies:
            with (FOLDER / "copies").open("a") as log:
                log.write(environ["PATH_INFO"] + "\n")
            strike("s3-received")
        answer = list(MOTO(environ, start_response))
        if copies:
            strike("s3-answered")
        return answer


MOTO = DomainDispatcherApplication(create_backend_app)


class Mails:
    """Keeps one line a message that it took."""

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        with BUSY():
            if strike("mail-lost"):
                return "451 not now"
            strike("mail-received")
            with (FOLDER / "mails").open("a") as log:
                log.write(",".join(envelope.rcpt_tos) + "\n")
            strike("mail-taken")
            return "250 taken"


def serve_mail():
    loop = asyncio.new_event_loop()

    async def listen():
        return await loop.create_server(lambda: SMTP(Mails(), loop=loop), "127.0.0.1", 0)

    port = loop.run_until_complete(listen()).sockets[0].getsockname()[1]
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return port


def main():
    http = Server(("127.0.0.1", 0), Tickets)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    aws = make_server("127.0.0.1", 0, cloud, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=aws.serve_forever, daemon=True).start()
    ports = {"http": http.server_address[1], "aws": aws.port, "mail": serve_mail()}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
