"""The part of a connection that runs detached commands, the same however its target is reached."""

from runbook_engine.connections.detached import DetachedCommands
from runbook_engine.connections.listen import as_user
from runbook_engine.sdk import Command, CommandResult, DetachedState, OnOutput, Ready


class WithDetached:
    """A connection's detached commands; who has it sets both before anybody uses it."""

    _detached: DetachedCommands
    _become_user: str | None

    def run_detached(
        self,
        command: Command,
        *,
        token: str,
        timeout: float,
        on_output: OnOutput | None = None,
        ready: Ready | None = None,
    ) -> CommandResult:
        """Run a command that survives the connection and the engine; a second call with the token reattaches."""
        return self._detached.run(as_user(command, self._become_user), token, timeout, on_output, ready)

    def probe_detached(self, token: str) -> DetachedState:
        """Tell what became of a detached command."""
        return self._detached.probe(token)

    def forget_detached(self, token: str) -> None:
        """Remove what a finished detached command left: with the next start there, or at the end."""
        self._detached.forget(token)
