"""Real HTTP to fakes of Atlassian's services; only the clock stands still between two pauses."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.plugins import plugin

from runbook_engine.connections.http import HttpxClient
from runbook_engine.execution.read_only import ReadOnlyConnection
from runbook_engine.testing import FakeConnection, FakeContext, ManualClock


@dataclass(slots=True)
class WebContext(FakeContext):
    """A fake context with real HTTP, real files where it is given a real connection, and AWS by a session."""

    session: Any = None

    def reading(self, action, params):
        own = self.connection
        connection = own if isinstance(own, FakeConnection) else ReadOnlyConnection(own, action.name, ())
        return replace(self, http=HttpxClient(read_only=True), connection=connection, is_read_only=True)

    def aws(self, service, *, region, account=None, role=None, endpoint=None):
        return self.session.client(service, region=region, account=account, role=role, read_only=self.is_read_only)


@pytest.fixture
def web():
    """Make a context with real HTTP."""

    def make(**hands):
        clock = ManualClock(datetime(2026, 11, 25, 12, 0, tzinfo=UTC))
        return WebContext(**{"http": HttpxClient(read_only=False), "clock": clock, **hands})

    return make


@pytest.fixture(scope="session")
def atlassian():
    """Give the family's modules by their short names."""
    return plugin("atlassian")
