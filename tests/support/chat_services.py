"""FAKE chat and paging services: stateful, over real HTTP, with the rules that their makers document.

There is no emulator of any of them. Each path is one webhook; what it took is kept in `posts`.
Slack: 200 `ok`, `invalid_payload` (400), `no_service` (404). Teams (Workflows): 202. PagerDuty Events v2: 202 with the
dedup_key, 400 for what is no event; `incidents` has what became of each key. Anything else: a receiver of Standard Webhooks.
"""

import base64
import hashlib
import hmac
import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServices:
    """The services; `faults` has what becomes of the next requests, one each.

    `(status, headers, body)` answers so; `lost` takes the message and breaks off before any answer; `refused` breaks off
    before it takes anything.
    """

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict, dict]] = []
        self.incidents: dict[str, list[str]] = {}
        self.faults: deque = deque()
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.handle(self)

            def log_message(self, *arguments):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        self.requests += 1
        content = request.rfile.read(int(request.headers["content-length"]))
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, tuple):
            self._answer(request, *fault)
            return
        if fault == "refused":
            request.close_connection = True
            return
        answer = self._take(request.path, content, dict(request.headers.items()))
        if fault == "lost":
            request.close_connection = True
            return
        self._answer(request, *answer)

    def _take(self, path: str, content: bytes, headers: dict) -> tuple[int, dict, bytes]:
        try:
            body = json.loads(content)
        except ValueError:
            return 400, {}, b"invalid_payload"
        if path.startswith("/services/gone"):
            return 404, {}, b"no_service"
        if path.startswith("/services/") and not (body.get("text") or body.get("blocks")):
            return 400, {}, b"invalid_payload"
        if path == "/v2/enqueue":
            return self._page(body)
        self.posts.append((path, body, {name.lower(): value for name, value in headers.items()}))
        return (202, {}, b"") if path.startswith("/workflows/") else (200, {}, b"ok")

    def _page(self, body: dict) -> tuple[int, dict, bytes]:
        payload = body.get("payload", {})
        complete = {"summary", "source", "severity"} <= payload.keys() or body.get("event_action") != "trigger"
        if body.get("event_action") not in {"trigger", "acknowledge", "resolve"} or not complete:
            return 400, {}, b'{"status":"invalid event"}'
        if body["routing_key"] == "bad":
            return 400, {}, b'{"status":"invalid event","message":"routing key bad"}'
        self.posts.append(("/v2/enqueue", body, {}))
        self.incidents.setdefault(body["dedup_key"], []).append(body["event_action"])
        answer = {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}
        return 202, {}, json.dumps(answer).encode()

    def _answer(self, request: BaseHTTPRequestHandler, status: int, headers: dict, body: bytes) -> None:
        request.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


def is_signed(secret: bytes, headers: dict, content: bytes) -> bool:
    """Verify as a receiver does by the text of Standard Webhooks."""
    message = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), content))
    wanted = base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split()
