"""What a connection offers the detached driver: a started shell whose answer is waited for in bounded steps."""

from typing import Protocol

from runbook_engine.connections.capture import Capture
from runbook_engine.sdk import OnOutput


class Process(Protocol):
    """A process that was started on a target.

    Attributes:
        stdout, stderr: what came so far.
        exit_status: known when it ended, else None.
    """

    stdout: Capture
    stderr: Capture
    exit_status: int | None

    def pump(self, seconds: float, *, stop: bytes | None = None, on_output: OnOutput | None = None) -> bool:
        """Move bytes until the process ended, `stop` came on standard output, or the time is over.

        Returns:
            True when it ended or `stop` came.

        Raises:
            TargetUnreachableError: the connection was lost.
        """
        ...

    def close(self) -> None:
        """Stop listening to it; it may go on."""
        ...


class Shell(Protocol):
    """Starts shells on one target."""

    @property
    def name(self) -> str:
        """The target, for messages."""
        ...

    def start_shell(self, line: str, given: bytes, *, keep: int) -> Process:
        """Start `sh -c line` in a session of its own with this input; at most `keep` bytes a stream are kept."""
        ...
