"""A target's connection as one step sees it: with the step's environment and become on every command."""

import signal
import threading
from collections.abc import Mapping
from dataclasses import replace

from runbook_engine.model.errors import RunbookError
from runbook_engine.ports.action import CancelledError
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.connection import (
    BegunElsewhereError,
    Command,
    CommandResult,
    CommandTimeoutError,
    Connection,
    DetachedState,
    FileStat,
    OnOutput,
    Ready,
    TargetUnreachableError,
)
from runbook_engine.ports.secrets import Redactor

_ENDING = 5.0
_BY_SIGNAL = frozenset({128 + signal.SIGTERM, 128 + signal.SIGKILL})


class StepConnection:
    """Adds a step's `environment` and `become_user` to each command and passes the rest on.

    Args:
        cancelled: when it is set, a detached command that runs is ended.
        elsewhere: the machine on whose localhost a detached command may have begun, when this is another one.
        redactor: takes secrets out of what commands say, before anything of it is cut off or kept.
        ready: called right before a detached command is begun; see `Connection.run_detached`.

    Attributes:
        touched: whether anything reached the target through it.
    """

    def __init__(
        self,
        inner: Connection,
        environment: Mapping[str, str],
        become_user: str | None,
        cancelled: CancelSignal,
        redactor: Redactor,
        elsewhere: str = "",
        ready: Ready | None = None,
    ) -> None:
        self._ready = ready
        self.touched = False
        self._redactor = redactor
        self._elsewhere = elsewhere
        self._cancelled = cancelled
        self._inner = inner
        self._environment = environment
        self._become_user = become_user

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Run a command and wait for its end."""
        return self._clean(self._inner.run(self._own(command), timeout=timeout, on_output=on_output))

    def run_detached(
        self,
        command: Command,
        *,
        token: str,
        timeout: float,
        on_output: OnOutput | None = None,
        ready: Ready | None = None,
    ) -> CommandResult:
        """Run a command that survives the connection; the operator's cancelling ends it.

        Raises:
            CommandTimeoutError: it was cancelled, and is proven dead.
        """
        if self._elsewhere:
            raise BegunElsewhereError(
                f"it may have begun on {self._elsewhere.partition(' ')[0]}, and this is another machine",
                hint="look there, then say what became of it: runbook resolve",
            )
        own = self._own(command)
        ended = threading.Event()

        def end() -> None:
            # A second caller that has no time finds the command by its token and ends it; the first one sees it dead.
            try:
                self._inner.run_detached(own, token=token, timeout=0.0)
            except CommandTimeoutError as over:
                if over.killed:
                    ended.set()
            except RunbookError:
                # It can't be reached to be ended: it stays in doubt, and a resume finds it.
                return

        with self._cancelled.when_set(end):
            killed = CommandTimeoutError(f"{own.argv[0]} was cancelled by the operator, and was ended", killed=True)
            try:
                result = self._inner.run_detached(
                    own, token=token, timeout=timeout, on_output=on_output, ready=ready or self._ready
                )
            except (TargetUnreachableError, CancelledError):
                if self._cancelled.is_set() and ended.wait(_ENDING):
                    raise killed from None
                raise
            if self._cancelled.is_set() and result.exit_status in _BY_SIGNAL:
                raise killed
            return self._clean(result)

    def probe_detached(self, token: str) -> DetachedState:
        """Tell what became of a detached command."""
        return self._inner.probe_detached(token)

    def forget_detached(self, token: str) -> None:
        """Remove what a finished detached command left."""
        self._inner.forget_detached(token)

    def stat(self, path: str) -> FileStat | None:
        """Describe a path."""
        return self._inner.stat(path)

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file."""
        return self._inner.read(path, limit=limit)

    def sha256(self, path: str) -> str | None:
        """Hash a file."""
        return self._inner.sha256(path)

    def listdir(self, path: str) -> tuple[str, ...]:
        """List a folder."""
        return self._inner.listdir(path)

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file."""
        self._inner.write(path, content, mode=mode)
        self.touched = True

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder."""
        self._inner.make_directory(path, mode=mode)
        self.touched = True

    def set_mode(self, path: str, mode: int) -> None:
        """Set permission bits."""
        self._inner.set_mode(path, mode)
        self.touched = True

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._inner.remove(path)
        self.touched = True

    def close(self) -> None:
        """Leave the connection open: it is reused over the run."""

    def _clean(self, result: CommandResult) -> CommandResult:
        """Take secrets out of a command's output, and pieces of them where its middle was cut out."""
        self.touched = True
        return replace(
            result,
            stdout=self._redactor.kept(result.stdout, whole=len(result.stdout) == result.stdout_bytes),
            stderr=self._redactor.kept(result.stderr, whole=len(result.stderr) == result.stderr_bytes),
        )

    def _own(self, command: Command) -> Command:
        return replace(
            command,
            environment={**self._environment, **command.environment},
            become_user=command.become_user or self._become_user,
        )
