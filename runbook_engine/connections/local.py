"""The connection to this machine."""

from pathlib import Path

from runbook_engine.connections.detached import DetachedCommands
from runbook_engine.connections.detached_script import MARK
from runbook_engine.connections.detaching import WithDetached
from runbook_engine.connections.files import WithFiles
from runbook_engine.connections.listen import as_user
from runbook_engine.connections.local_files import LocalFiles
from runbook_engine.connections.local_process import LocalProcess
from runbook_engine.connections.shell import bootstrap, check_argv, framed, new_mark, plain_script
from runbook_engine.connections.shell_files import ShellFiles
from runbook_engine.sdk import (
    Command,
    CommandResult,
    CommandTimeoutError,
    OnOutput,
    Ready,
    RunbookError,
    format_seconds,
)

_KEEP = 1 << 20
_NOT_FOUND = 127
_NOT_EXECUTABLE = 126


class LocalConnection(WithDetached, WithFiles):
    """Runs commands and touches files on the machine that runs the attempt.

    Args:
        home: where detached commands keep their folders (`<home>/.runbook/attempts`); None for the user's home.
        name: what the target is called, for messages.
        become_user: run every command as this user, unless the command names another.
        become_password: for sudo, when it wants one.
        withheld: variables of the engine's environment that no command inherits: they hold secrets.
        folder: where commands run that name no folder, and where relative paths begin; None for the engine's own.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        name: str = "localhost",
        become_user: str | None = None,
        become_password: str | None = None,
        withheld: frozenset[str] = frozenset(),
        folder: Path | None = None,
    ) -> None:
        folder = None if folder is None else folder.absolute()
        super().__init__(LocalFiles(folder) if become_user is None else ShellFiles(self._plainly))
        self.name = name
        self._become_user = become_user
        self._become_password = become_password
        self._withheld = withheld
        self._folder = None if folder is None else str(folder)
        base = None if home is None else str(home.absolute() / ".runbook" / "attempts")
        self._detached = DetachedCommands(self, base, become_password)

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Run a command and wait for its end; its whole session is ended when the time is over."""
        check_argv(command.argv)
        command = as_user(command, self._become_user)
        try:
            process = self._start(command)
        except OSError as error:
            return _not_started(command, self._within(command.cwd), error)
        try:
            if not process.pump(timeout, on_output=on_output):
                killed = process.kill()
                words = "and was ended" if killed else "and can't be ended"
                raise CommandTimeoutError(
                    f"{self.name}: {command.argv[0]} did not end within {format_seconds(timeout)} {words}",
                    killed=killed,
                )
        finally:
            process.close()
        out, err = process.stdout, process.stderr
        status = process.exit_status if process.exit_status is not None else _NOT_FOUND
        return CommandResult(status, out.content(), err.content(), out.total, err.total)

    def close(self) -> None:
        """Remove what was to be forgotten."""
        self._detached.flush()

    def start_shell(self, line: str, given: bytes, *, keep: int, ready: Ready | None = None) -> LocalProcess:
        """Start `sh -c line` in a session of its own."""
        if ready is not None:
            ready()
        try:
            return LocalProcess(("sh", "-c", line), given, keep=keep, cwd=self._folder, withheld=self._withheld)
        except OSError as error:
            raise RunbookError(f"{self.name}: no shell can be started: {error.strerror}") from error

    def resident(self) -> None:
        """Give none: a shell of this machine's own costs no connection."""

    def _plainly(self, command: Command, seconds: float) -> CommandResult:
        return self.run(command, timeout=seconds)

    def _start(self, command: Command) -> LocalProcess:
        if command.become_user is None:
            environment = dict(command.environment)
            return LocalProcess(
                command.argv, command.stdin, keep=_KEEP, cwd=self._within(command.cwd), environment=environment,
                mark=f"{MARK}={new_mark()}", withheld=self._withheld,
            )  # fmt: skip
        mark = new_mark()
        script, given = plain_script(command, None, self._become_password)
        script_input = framed(script, mark) + given
        shell = ("sh", "-c", bootstrap(mark))
        return LocalProcess(shell, script_input, keep=_KEEP, cwd=self._folder, withheld=self._withheld)

    def _within(self, folder: str | None) -> str | None:
        if folder is None or self._folder is None:
            return folder or self._folder
        return str(Path(self._folder, folder))


def _not_started(command: Command, folder: str | None, error: OSError) -> CommandResult:
    """Answer as a shell would when the program or the folder is not there."""
    words = f"{error.filename or command.argv[0]}: {error.strerror}\n".encode("utf-8", "surrogateescape")
    no_folder = folder is not None and error.filename == folder
    status = _NOT_FOUND if isinstance(error, FileNotFoundError) and not no_folder else _NOT_EXECUTABLE
    return CommandResult(status, b"", words, 0, len(words))
