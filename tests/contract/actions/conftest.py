"""Real hands for the actions: this machine, real HTTP, the emulated AWS and its name server."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from runbook_engine.connections.http import HttpxClient
from runbook_engine.connections.local import LocalConnection
from runbook_engine.execution.read_only import ReadOnlyConnection
from runbook_engine.lab.aws import HostedRecord, HostedZone
from runbook_engine.lab.dns_server import DnsServer
from runbook_engine.testing import FakeContext, ManualClock


@dataclass(slots=True)
class RealContext(FakeContext):
    """A fake context whose hands are real; only the clock stays still, and pauses call `on_pause`."""

    session: Any = None
    on_pause: Callable[[], None] = field(default=lambda: None)

    def reading(self, action, params):
        return replace(
            self,
            connection=ReadOnlyConnection(self.connection, action.name, tuple(action.probe_commands(params))),
            http=HttpxClient(read_only=True),
            is_read_only=True,
        )

    def aws(self, service, *, region, account=None, role=None, endpoint=None):
        return self.session.client(
            service, region=region, account=account, role=role, endpoint=endpoint, read_only=self.is_read_only
        )

    def pause(self, seconds):
        self.on_pause()
        FakeContext.pause(self, seconds)


@pytest.fixture
def real(tmp_path):
    """Make a context with real hands."""

    def make(**hands):
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        defaults = {
            "connection": LocalConnection(home),
            "http": HttpxClient(read_only=False),
            "clock": ManualClock(datetime.now(UTC)),
        }
        return RealContext(**{**defaults, **hands})

    return make


@pytest.fixture
def serve():
    """Serve answers: a function from the path to (status, headers, body)."""
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing on the test's terminal."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def run_step(action, params, context):
    """Do what the engine does with a step: check, apply, check; gives the outcome and the step's outputs."""
    params = action.Params.model_validate(params)
    finding = action.check(params, context.reading(action, params))
    if finding.satisfied:
        return "unchanged", finding, dict(finding.outputs)
    applied = action.apply(params, context)
    finding = action.check(params, context.reading(action, params))
    assert finding.status != "unsatisfied", finding.summary
    return "changed", finding, {**applied.outputs, **finding.outputs}


@pytest.fixture
def step():
    return run_step


@contextmanager
def running(server):
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def serve_names():
    """Start name servers of one zone with these records of `app.reviews.example`: pairs of type and values."""
    servers = []

    def start(*records):
        hosted = tuple(HostedRecord("app.reviews.example.", kind, 60, values) for kind, values in records)
        server = DnsServer(lambda: [HostedZone("reviews.example.", hosted)])
        server.start()
        servers.append(server)
        return f"127.0.0.1:{server.address[1]}"

    yield start
    for server in servers:
        server.stop()
