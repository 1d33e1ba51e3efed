"""The errors a person sees: each says what, where and what to do, and carries the documented exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means, the same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INVALID = 3
    WAITING = 4
    LEASED = 5
    JOURNAL = 6
    DEFECT = 70
    INTERRUPTED = 130


class RunbookError(Exception):
    """A failure that is to be told to the user in one message, without a traceback.

    Args:
        message: what is wrong, and where.
        hint: what to do about it; empty when the message says it all.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RunbookError):
    """The command was called in a way that makes no sense."""

    exit_code = ExitCode.USAGE


class InvalidInputError(RunbookError):
    """A runbook, an inventory, the team or the configuration is not valid."""

    exit_code = ExitCode.INVALID


class LeaseError(RunbookError):
    """Somebody else holds the right to advance the run."""

    exit_code = ExitCode.LEASED


class JournalError(RunbookError):
    """The journal can't be written, can't be read, or does not verify."""

    exit_code = ExitCode.JOURNAL


class NoJournalError(JournalError):
    """There is no journal yet, which is how every project begins: no run can be named."""

    exit_code = ExitCode.USAGE


class PrunedRunError(JournalError):
    """The run's events were removed on purpose; only its line and the record of that are left."""

    exit_code = ExitCode.USAGE


class KeptRunError(JournalError):
    """The run must stay as it is: it is not over, it is the newest, or it is damaged and so is evidence."""


class OvertakenError(RunbookError):
    """Somebody else decided since the run was read; nothing was written, and the caller has to look again."""


class JournalUnavailableError(JournalError):
    """The journal can't be written just now (disk full, locked, database away); the same append may be tried again."""


class JournalHeldError(JournalUnavailableError):
    """What is to be written is held by another session, which was waited for as long as the database lets one wait."""
