"""Serves a stateful fake of a vendor's service on loopback, with faults to be switched on.

It is a fake, not the vendor: its requests and answers are held to the vendor's own OpenAPI document, and that is all
that is known of it. Faults are not held to it: a server in trouble keeps to no document.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from support.vendor_documents import Answer, Seen

HTML = Answer(200, content=b"<html><title>Log in</title></html>", content_type="text/html; charset=utf-8")


@dataclass
class Fault:
    """Trouble for the next requests that match.

    Attributes:
        kind: `answer` (an answer of its own), `silence` (no answer until the server stops), `drop` (the connection is
            reset), `half` (half of the real answer, then a reset).
        applied: whether what was asked for is done before.
        times: for how many requests; None for all.
        where: regular expression that `METHOD path?query` must match.
        strike: called when the request came, after what it asks for was done where that is so.
    """

    kind: str
    answer: Answer | None = None
    applied: bool = False
    times: int | None = 1
    where: str = ""
    strike: Callable[[], None] | None = None

    def takes(self, seen):
        return (self.times is None or self.times > 0) and re.search(self.where, str(seen)) is not None


def busy(status=429, retry_after=None, **more):
    """The service asks to wait; `retry_after` as it stands in the header, None for no header."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fault("answer", Answer(status, {"errorMessages": ["Rate limit exceeded."]}, headers), **more)


def unavailable(retry_after=None, **more):
    """503."""
    return busy(503, retry_after, **more)


def silence(**more):
    """No answer; by default after what was asked for is done."""
    return Fault("silence", **{"applied": True, **more})


def dropped(**more):
    """The connection is reset."""
    return Fault("drop", **more)


def strike(call, **more):
    """Something happens to whoever asked, and the connection is reset; by default after the change was made."""
    return Fault("drop", strike=call, **{"applied": True, **more})


def half(**more):
    """The connection is reset in the middle of the answer, after what was asked for is done."""
    return Fault("half", **{"applied": True, **more})


def html(status=200, **more):
    """A page for people where JSON is promised, as proxies and login walls give it."""
    return Fault("answer", Answer(status, content=HTML.content, content_type=HTML.content_type), **more)


def huge(megabytes=12, **more):
    """A body that does not end soon."""
    body = json.dumps({"values": ["x" * 1023] * (1024 * megabytes)}).encode()
    return Fault("answer", Answer(200, content=body), **more)


@dataclass
class VendorServer:
    """A running fake.

    Attributes:
        url: address below which it serves, with the document's base path.
        seen: every request, in order, also those that a fault took.
        problems: what the document has against requests and answers; `serve_vendor` fails the test when there are any.
    """

    fake: object
    document: object = None
    url: str = ""
    seen: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, *faults):
        """Switch faults on; each is taken in its turn."""
        self.faults += [replace(fault) for fault in faults]

    def requests(self, start):
        """Give the requests whose `METHOD path?query` matches."""
        return [seen for seen in self.seen if re.match(start, str(seen))]

    def take(self, seen):
        """Give the answer to a request and the fault it meets, if any."""
        with self.lock:
            self.seen.append(seen)
            fault = next((fault for fault in self.faults if fault.takes(seen)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
            if fault is not None and not fault.applied:
                return fault.answer, fault
            answer = self._real(seen)
            return (fault.answer or answer) if fault is not None else answer, fault

    def _real(self, seen):
        if self.document is not None:
            found = self.document.request_problems(seen)
            self.problems += found
            if found:
                return Answer(400, {"errorMessages": found})
        try:
            answer = self.fake.answer(seen)
        except Exception as error:  # noqa: BLE001 - a fake's own defect fails the test, by its own words
            self.problems.append(f"the fake broke on {seen}: {error!r}")
            return Answer(500, {"errorMessages": ["the fake broke"]})
        if self.document is not None:
            self.problems += self.document.answer_problems(seen, answer)
        return answer


@contextmanager
def serve_vendor(fake, document=None, base=""):
    """Serve a fake (anything with `answer(seen)`); at the end nothing may have been against the document.

    Args:
        base: begins the address's path, where there is no document to tell it.
    """
    server = VendorServer(fake, document)
    httpd = _Http(("127.0.0.1", 0), _Handler)
    httpd.vendor = server
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}{document.base if document is not None else base}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()
    assert not server.problems, "\n".join(server.problems)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    vendor: VendorServer

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; that is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Say nothing on the test's terminal."""

    def _serve(self):
        vendor = self.server.vendor
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, fault = vendor.take(Seen(self.command, parts.path, parts.query, headers, body))
        kind = fault.kind if fault is not None else "answer"
        if fault is not None and fault.strike is not None:
            fault.strike()
        if kind == "silence":
            vendor.stopping.wait(60)
        if kind in {"silence", "drop"}:
            self._reset()
            return
        content = answer.body
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if kind == "half" else content)
        if kind == "half":
            self.wfile.flush()
            self._reset()

    def _reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names
