"""The one error the lab shows to its user: what went wrong and what to do about it."""

from __future__ import annotations


class LabError(Exception):
    """Something the lab's user can mend; `hint` says how. Never shown as a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the two sentences apart, so that a terminal can set them apart."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Both sentences on one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message
