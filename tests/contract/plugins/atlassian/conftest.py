"""Real HTTP to fakes of Atlassian's services; only the clock stands still between two pauses."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from support.plugins import plugin

from runbook_engine.connections.http import HttpxClient
from runbook_engine.testing import FakeContext, ManualClock


@dataclass(slots=True)
class WebContext(FakeContext):
    """A fake context with real HTTP."""

    def reading(self, action, params):
        return replace(self, http=HttpxClient(read_only=True), is_read_only=True)


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
