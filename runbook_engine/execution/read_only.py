"""A check's connection: reads what it likes, runs only the commands that its action declared."""

from collections.abc import Sequence

from runbook_engine.ports.connection import (
    Command,
    CommandResult,
    Connection,
    DetachedState,
    FileStat,
    OnOutput,
    ReadOnlyError,
    Ready,
)


class ReadOnlyConnection:
    """Passes reads on and refuses everything else before it reaches the target.

    Args:
        allowed: whole argument vectors of the commands that may run.
    """

    def __init__(self, inner: Connection, action: str, allowed: Sequence[tuple[str, ...]]) -> None:
        self._inner = inner
        self._action = action
        self._allowed = frozenset(allowed)

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Run a declared probe command."""
        if command.argv not in self._allowed:
            raise self._refusal(f"run {list(command.argv)!r}, which is not among its probe commands")
        return self._inner.run(command, timeout=timeout, on_output=on_output)

    def run_detached(
        self,
        command: Command,
        *,
        token: str,
        timeout: float,
        on_output: OnOutput | None = None,
        ready: Ready | None = None,
    ) -> CommandResult:
        """Refuse."""
        del token, timeout, on_output, ready
        raise self._refusal(f"start the detached command {list(command.argv)!r}")

    def probe_detached(self, token: str) -> DetachedState:
        """Tell what became of a detached command."""
        return self._inner.probe_detached(token)

    def forget_detached(self, token: str) -> None:
        """Refuse."""
        raise self._refusal(f"remove the record of detached command {token}")

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
        """Refuse."""
        del content, mode
        raise self._refusal(f"write {path}")

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Refuse."""
        del mode
        raise self._refusal(f"make the folder {path}")

    def set_mode(self, path: str, mode: int) -> None:
        """Refuse."""
        del mode
        raise self._refusal(f"change the permissions of {path}")

    def remove(self, path: str) -> None:
        """Refuse."""
        raise self._refusal(f"remove {path}")

    def close(self) -> None:
        """Leave the connection open: it is shared with apply."""

    def _refusal(self, what: str) -> ReadOnlyError:
        return ReadOnlyError(
            f"the check of {self._action} tried to {what}; a check only reads, in every mode",
            hint="changes belong in apply; commands that a check needs are named by probe_commands()",
        )
