"""The connection to an EC2 instance (or another managed machine) through AWS Systems Manager, without SSH."""

import secrets

from runbook_engine.connections.detached import DetachedCommands
from runbook_engine.connections.detaching import WithDetached
from runbook_engine.connections.files import WithFiles
from runbook_engine.connections.shell import check_argv, new_mark
from runbook_engine.connections.shell_files import ShellFiles
from runbook_engine.connections.ssm_process import SsmProcess
from runbook_engine.connections.ssm_session import SsmSession
from runbook_engine.sdk import Command, CommandResult, OnOutput, Ready

_LISTEN_EVERY = 3.0  # each time costs some calls, and AWS lets an account make only so many


class SsmConnection(WithDetached, WithFiles):
    """Runs commands and touches files on an instance; nothing is sent before the first use.

    Every command is a detached one: nothing that Systems Manager runs may take longer than a look, and nothing that
    is looked at may be lost with the look.

    Args:
        become_user: run every command, and touch every file, as this user by sudo; None for the agent's own, root.
        base: where detached commands keep their folders on the target; None for `~/.runbook/attempts`.
    """

    def __init__(
        self,
        session: SsmSession,
        *,
        become_user: str | None = None,
        become_password: str | None = None,
        base: str | None = None,
    ) -> None:
        super().__init__(ShellFiles(self._plainly))
        self.name = session.name
        self._session = session
        self._become_user = become_user
        self._detached = DetachedCommands(self, base, become_password, session.forgotten, _LISTEN_EVERY)

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Run a command and wait for its end; its processes are ended when the time is over."""
        check_argv(command.argv)
        token = f"plain-{secrets.token_hex(12)}"
        try:
            return self.run_detached(command, token=token, timeout=timeout, on_output=on_output)
        finally:
            self._detached.forget(token)

    def flush_forgotten(self) -> None:
        """Remove now what was to be forgotten, and what the session left on the instance."""
        self._detached.flush()
        self._session.close()

    def close(self) -> None:
        """Give nothing back: the session is shared, and ends with the run."""

    def start_shell(self, line: str, given: bytes, *, keep: int, ready: Ready | None = None) -> SsmProcess:
        """Start `sh -c line` in a session of its own."""
        if ready is not None:
            ready()
        return SsmProcess(self._session, new_mark(), line, given, keep=keep)

    def resident(self) -> None:
        """Give none: Systems Manager has no channel that stays open."""

    def _plainly(self, command: Command, seconds: float) -> CommandResult:
        return self.run(command, timeout=seconds)
