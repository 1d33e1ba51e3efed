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

    @property
    def idle(self) -> bool:
        """Whether no secret is known yet, so that everything would stay as it is."""
        ...

    def text(self, value: str) -> str:
        """Redact a text."""
        ...

    def data(self, value: bytes) -> bytes:
        """Redact bytes (a whole stream, not a chunk of one)."""
        ...

    def kept(self, value: bytes, *, whole: bool) -> bytes:
        """Redact what was kept of a stream; unless it is whole, pieces of secrets at its cuts, too."""
        ...

    def settled(self, value: bytes) -> bytes:
        """Redact the end of a stream that goes on; what may be the beginning of a secret there is left out."""
        ...

    @property
    def longest(self) -> int:
        """Number of bytes of the longest form that any secret is known by; 0 without secrets."""
        ...

    def stream(self) -> "StreamCleaner":
        """Give a redactor for one stream that comes in chunks."""
        ...

    def json(self, value: object) -> object:
        """Redact every text in a JSON value, keys included."""
        ...


class StreamCleaner(Protocol):
    """Redacts a stream chunk by chunk."""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and give what is safe to keep."""
        ...

    def close(self) -> bytes:
        """Give what was held back."""
        ...

    def peek(self) -> bytes:
        """Give of what is held back that which can't be the beginning of a secret; it stays held back."""
        ...
