"""This machine's real hands for an action under test, with a clock that stands still."""

from dataclasses import dataclass, replace

from runbook_engine.connections.http import HttpxClient
from runbook_engine.execution.read_only import ReadOnlyConnection
from runbook_engine.testing import FakeContext


@dataclass(slots=True)
class Here(FakeContext):
    """Real connection and HTTP; a check gets both read-only, as the engine gives them."""

    def reading(self, action, params):
        probes = tuple(action.probe_commands(params))
        connection = ReadOnlyConnection(self.connection, action.name, probes)
        return replace(self, connection=connection, http=HttpxClient(read_only=True), is_read_only=True)
