"""Connections to hosts: run commands, detached ones too, and read and write files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from runbook_engine.model.errors import RunbookError


class TargetUnreachableError(RunbookError):
    """The target can't be reached, or the connection was lost; what it does now is unknown."""


class NoConnectionError(TargetUnreachableError):
    """No connection was made, so nothing was sent: refused, timed out, an unknown host key, a login that failed."""


class CommandLostError(TargetUnreachableError):
    """How a detached command ended can't be learnt any more, by nobody who asks the target for it.

    Attributes:
        dead: true when it is proven that nothing of it runs now (the target was rebooted, it was killed from outside).
    """

    def __init__(self, message: str, *, dead: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.dead = dead


class CommandTimeoutError(RunbookError):
    """The command did not end in time.

    Attributes:
        killed: true when the command is proven to be dead; false when nobody can tell, so that the attempt is in doubt.
    """

    def __init__(self, message: str, *, killed: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.killed = killed


class FileAccessError(RunbookError):
    """A file on the target can't be read or written."""


class ReadOnlyError(RunbookError):
    """A check tried to change something; checks have read-only hands in every mode."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run on a target; never goes through a shell unless argv says so.

    Attributes:
        become_user: run as this user by sudo; None for the connection's own user.
        environment: added to the target's own environment.
    """

    argv: tuple[str, ...]
    stdin: bytes = b""
    cwd: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    become_user: str | None = None


class BegunElsewhereError(RunbookError):
    """A command may have begun on another machine's localhost, where nobody can look from here; nothing was done."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        exit_status: 0 to 255; 128 + N when signal N ended it.
        stdout, stderr: bytes as they came, head and tail kept when there was more than the cap.
        stdout_bytes, stderr_bytes: how many bytes there were.
        reattached: true when an earlier start of the same detached command was found and no second one made.
    """

    exit_status: int
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    reattached: bool = False


class DetachedStatus(StrEnum):
    """What became of a detached command."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    ORPHANS = "orphans"
    LOST_KILLED = "lost-killed"
    LOST_REBOOT = "lost-reboot"


@dataclass(frozen=True, slots=True)
class DetachedState:
    """State of a detached command; `exit_status` is known when it is done."""

    status: DetachedStatus
    exit_status: int | None = None


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a path on the target is; `mode` has the permission bits only, `modified` is seconds since the epoch."""

    kind: Literal["file", "directory", "link", "other"]
    size: int
    mode: int
    modified: float
    owner: int = 0
    group: int = 0


OnOutput = Callable[[Literal["stdout", "stderr"], bytes], None]
Ready = Callable[[], None]
"""Called when all is there to begin something, right before it is begun; raises when it may not be (any more)."""


class Connection(Protocol):
    """One target's connection. Every method may raise `TargetUnreachableError`; timeouts are in seconds."""

    def run(self, command: Command, *, timeout: float, on_output: OnOutput | None = None) -> CommandResult:
        """Run a command and wait for its end.

        Raises:
            CommandTimeoutError: it did not end in time.
        """
        ...

    def run_detached(
        self,
        command: Command,
        *,
        token: str,
        timeout: float,
        on_output: OnOutput | None = None,
        ready: Ready | None = None,
    ) -> CommandResult:
        """Run a command that survives the connection and the engine; a second call with the token reattaches.

        Args:
            ready: called once more behind all that takes time, such as a login, before anything is sent that begins it.

        Raises:
            CommandTimeoutError: it did not end in time; says whether it is proven dead.
            CommandLostError: the target rebooted or the command was killed from outside; see `probe_detached`.
            TargetUnreachableError: the connection was lost.
        """
        ...

    def probe_detached(self, token: str) -> DetachedState:
        """Tell what became of a detached command, without changing anything."""
        ...

    def forget_detached(self, token: str) -> None:
        """Remove what a finished detached command left on the target."""
        ...

    def stat(self, path: str) -> FileStat | None:
        """Describe a path (links are not followed); None when there is nothing."""
        ...

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file of at most `limit` bytes.

        Raises:
            FileAccessError: not there, not readable, or longer.
        """
        ...

    def sha256(self, path: str) -> str | None:
        """Give the hexadecimal SHA-256 of a file, None when it is not there."""
        ...

    def listdir(self, path: str) -> tuple[str, ...]:
        """Name what is in a folder, sorted."""
        ...

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file so that at every instant its name shows the old or the new content, never a part.

        A file that is there keeps its owner and group, and without `mode` its permissions.

        Raises:
            FileAccessError: it can't be written, or its owner and group could not be kept; it is as it was.
        """
        ...

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder and its parents; nothing happens when it is there."""
        ...

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; nothing happens when it is not there."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...
