"""Secrets by reference, and keeping them out of everything that is written."""

from typing import Protocol

from runbook_engine.model.errors import RunbookError


class SecretError(RunbookError):
    """A secret can't be had; the message names the reference, never the value."""


class SecretStore(Protocol):
    """Resolves references such as `env:SMTP_PASSWORD` and remembers what it gave out, for redaction."""

    def resolve(self, reference: str) -> str:
        """Give a secret's value.

        Raises:
            SecretError: unknown scheme, or not to be had.
        """
        ...


class Redactor(Protocol):
    """Replaces every known secret, in each encoding it is known to turn up in, by `[redacted]`."""

    def text(self, value: str) -> str:
        """Redact a text."""
        ...

    def data(self, value: bytes) -> bytes:
        """Redact bytes (a whole stream, not a chunk of one)."""
        ...

    def json(self, value: object) -> object:
        """Redact every text in a JSON value, keys included."""
        ...
