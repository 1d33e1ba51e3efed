"""What may come of a request to Atlassian besides an answer, told apart by what is known of its effect."""

from runbook_engine.sdk import ActionFailedError, ServiceUnreachableError

_PASSING = frozenset({0, 408, 409, 420, 423, 425, 429})  # refusals of now, and not of what was asked


class RefusedError(ActionFailedError):
    """The service refused: nothing was done, and unless it was for the moment alone, asking again would do no more.

    Attributes:
        status: its HTTP status; 0 when the request was not even sent.
    """

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint, for_good=status not in _PASSING)
        self.status = status


class LoginRefusedError(RefusedError):
    """The token is not accepted (401)."""


class ForbiddenError(RefusedError):
    """The token is accepted, but may not do this (403)."""


class NotThereError(RefusedError):
    """There is no such thing, or the token may not see it (404, 410)."""


class BusyError(RefusedError):
    """The service asks to wait (420, 429) for longer than there is time; nothing was done."""


class LostAnswerError(ServiceUnreachableError):
    """A change was asked for, and no usable answer came: it may have been made. Look for it before asking again."""


class UnreadableAnswerError(ServiceUnreachableError):
    """An answer to a read came, but not what the interface promises: HTML, cut off, or of another shape."""


class TooLongError(UnreadableAnswerError):
    """The answer to a read is longer than it may be; asked for less at a time, it may come."""
