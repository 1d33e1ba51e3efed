"""Stands before an emulator and makes it like AWS on a bad day: slow, throttling, or silent after the deed."""

import http.client
import threading
from urllib.parse import urlsplit

from support.aws_wire import RefusedError, Wire, cut_off

HOP_HEADERS = {"connection", "transfer-encoding", "content-length", "date", "server", "keep-alive"}


class Faults:
    """A WSGI application before another; each fault is asked for by an operation's name (`rds:CopyDBSnapshot`).

    Attributes:
        calls: names of all operations that arrived, in order.
        asked: each call's service, region and wire form.
    """

    def __init__(self, app):
        self._app = app
        self._lock = threading.Lock()
        self.calls = []
        self.wires = []
        self.forget()

    def forget(self):
        """Ask for nothing any more, and forget the calls."""
        with self._lock:
            self.calls.clear()
            self.wires.clear()
            self._lost, self._unsent, self._refused, self._slow, self._strikes = {}, {}, {}, {}, {}

    def lose_reply(self, operation, times=1):
        """The call is carried out, and its answer never arrives."""
        self._lost[operation] = times

    def lose_request(self, operation, times=1):
        """The connection ends before the call is carried out."""
        self._unsent[operation] = times

    def refuse(self, operation, code, message="", times=1):
        """The call is not carried out, and answered with an error."""
        self._refused[operation] = [times, RefusedError(code, message)]

    def strike(self, operation, blow, *, before=False):
        """Call `blow` once, before the call is carried out or (after that) in place of its answer."""
        self._strikes[operation, before] = blow

    def slow(self, operation, old, new, looks=3, after=""):
        """In the first answers `old` reads `new` (bytes), such as `available` reading `creating`.

        Args:
            after: an operation; answers count from the first call of it.
        """
        self._slow[operation] = [after, old, new, looks]

    def count(self, operation):
        """How often an operation arrived."""
        return self.calls.count(operation)

    def writes(self):
        """Every call that may change something, by the product's own rule."""
        from runbook_engine.connections.aws_reads import is_read

        return [name for name in self.calls if not is_read(*name.split(":"))]

    def __call__(self, environ, start_response):
        wire = Wire(environ)
        name = wire.name or f"{wire.service}:{wire.request.method} {wire.request.path}"
        with self._lock:
            self.calls.append(name)
            self.wires.append(wire)
            unsent, lost = self._take(self._unsent, name), self._take(self._lost, name)
            refused = self._refused.get(name)
            if refused and refused[0] > 0:
                refused[0] -= 1
                return wire.answer(refused[1], start_response)
            slow = self._slow.get(name)
            slowed = slow is not None and slow[3] > 0 and (not slow[0] or slow[0] in self.calls)
            if slowed:
                slow[3] -= 1
            first, then = self._strikes.pop((name, True), None), self._strikes.pop((name, False), None)
        if first is not None:
            first()
            unsent = True
        if unsent:
            cut_off(environ)
            return [b""]
        status, headers, body = run(self._app, environ, wire.body)
        if then is not None:
            then()
            lost = True
        if lost:
            cut_off(environ)
            return [b""]
        if slowed:
            body = body.replace(slow[1], slow[2])
        left_out = HOP_HEADERS | ({"x-amz-crc32"} if slowed else set())  # DynamoDB's, of the body as it was
        headers = [(key, value) for key, value in headers if key.lower() not in left_out]
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    @staticmethod
    def _take(wanted, name):
        if wanted.get(name, 0) <= 0:
            return False
        wanted[name] -= 1
        return True


def run(app, environ, body):
    """Call an application with a body that was read already; gives status, headers and body."""
    import io

    said = {}

    def start_response(status, headers, _=None):
        said["status"], said["headers"] = status, headers

    environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    chunks = b"".join(app(environ, start_response))
    return said["status"], said["headers"], chunks


def forward(upstream):
    """A WSGI application that passes everything on to a server at this URL."""
    host = urlsplit(upstream).netloc

    def application(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {key[5:].replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")} | {
            "HOST": host
        }
        if environ.get("CONTENT_TYPE"):
            headers["CONTENT-TYPE"] = environ["CONTENT_TYPE"]
        peer = http.client.HTTPConnection(host, timeout=60)
        try:
            peer.request(environ["REQUEST_METHOD"], environ.get("REQUEST_URI") or environ["RAW_URI"], body, headers)
            answer = peer.getresponse()
            content = answer.read()
        finally:
            peer.close()
        start_response(f"{answer.status} {answer.reason}", answer.getheaders())
        return [content]

    return application
