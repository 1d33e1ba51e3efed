"""What a connection offers the detached driver: a started shell whose answer is waited for in bounded steps."""

from typing import Protocol

from runbook_engine.connections.capture import Capture
from runbook_engine.connections.detached_script import Place
from runbook_engine.sdk import Command, OnOutput, Ready


class Process(Protocol):
    """A process that was started on a target.

    Attributes:
        stdout, stderr: what came so far.
        exit_status: known when it ended, else None.
        gone: the shell is proven dead, so that what it had not begun it never begins; False where nobody can tell.
    """

    stdout: Capture
    stderr: Capture
    exit_status: int | None
    gone: bool

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


class Resident(Protocol):
    """A shell that stays on a target and does one script after another; whoever got it has it alone."""

    def begin(self, place: Place, command: Command, forget: tuple[str, ...], *, keep: int) -> Process:
        """Start a command without an input unless its folder is there; it ends with its answer, as `start` does.

        Raises:
            RunbookError: it can't be given to a process.
            TargetUnreachableError: the start could not be sent; whether it was begun is unknown.
        """
        ...

    def give_back(self, *, clean: bool) -> None:
        """Let the next one have it; unless it is `clean`, it is not used again."""
        ...

    def forget(self, place: Place, tokens: tuple[str, ...], *, keep: int) -> Process:
        """Remove the folders of commands that are over; it ends with an answer, as `start` does.

        Raises:
            TargetUnreachableError: it could not be sent.
        """
        ...

    def start(self, text: str, nonce: str, *, keep: int) -> Process:
        """Have it do a script that ends with `<nonce> end`.

        Closing the process behind that gives the shell back; closing it before leaves alone what runs, and the shell
        is not used again.

        Raises:
            TargetUnreachableError: the script could not be sent; whether it was begun is unknown.
        """
        ...


class Shell(Protocol):
    """Starts shells on one target."""

    @property
    def name(self) -> str:
        """The target, for messages."""
        ...

    def start_shell(self, line: str, given: bytes, *, keep: int, ready: Ready | None = None) -> Process:
        """Start `sh -c line` in a session of its own with this input; at most `keep` bytes a stream are kept.

        Args:
            ready: called before the input is sent, behind all that takes time; when it raises, nothing is begun.
        """
        ...

    def resident(self) -> Resident | None:
        """Give a shell that stays on the target, for the caller alone; None where there is none.

        Raises:
            TargetUnreachableError: it can't be reached.
        """
        ...
