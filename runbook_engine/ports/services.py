"""The services that actions talk to besides hosts: AWS, HTTP, SQL databases, mail servers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Literal, Protocol

from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject, JsonScalar

# botocore shapes each answer by its service model at run time; no static type can describe them all.
AwsAnswer = dict[str, Any]


class ServiceUnreachableError(RunbookError):
    """A service did not answer, or the answer was lost; whether it did what was asked is unknown.

    Attributes:
        outputs: what is known to be done; the next attempt of the task gets it as `context.recorded`.
        sent: false when nothing can have reached the service: no connection came about.
    """

    def __init__(self, message: str, *, hint: str = "", outputs: JsonObject | None = None, sent: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.outputs: JsonObject = outputs or {}
        self.sent = sent


class DatabaseReadOnlyError(RunbookError):
    """A database takes no writes from anybody: it is a standby, or it was set read-only; it said so itself."""


class AwsError(RunbookError):
    """AWS answered with an error.

    Attributes:
        code: AWS's own word, such as `DBInstanceAlreadyExists`.
    """

    def __init__(self, message: str, *, code: str, operation: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.operation = operation


class AwsClient(Protocol):
    """One AWS service in one region and account."""

    def call(self, operation: str, **parameters: object) -> AwsAnswer:
        """Call an operation by its Python name (`describe_db_instances`).

        Raises:
            AwsError: AWS refused.
            ReadOnlyError: the operation is not a read and these are a check's hands; nothing was sent.
            ServiceUnreachableError: no answer.
        """
        ...

    def pages(self, operation: str, key: str, **parameters: object) -> Iterator[AwsAnswer]:
        """Give every item under `key` of every page of a listing."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer; header names are lower case, `tls_expires` is the peer certificate's end (UTC)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    seconds: float = 0.0
    truncated: bool = False
    tls_expires: datetime | None = None


class HttpClient(Protocol):
    """HTTP with bounds: time, size and redirects are limited."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = 30.0,
        verify: bool = True,
        redirects: int = 5,
        max_bytes: int = 10_000_000,
    ) -> HttpAnswer:
        """Make a request.

        Raises:
            ReadOnlyError: the method is not GET, HEAD or OPTIONS and these are a check's hands; nothing was sent.
            ServiceUnreachableError: no complete answer.
        """
        ...


class SqlDatabase(Protocol):
    """A database by its SQLAlchemy URL; a check's hands open it read-only."""

    def query(self, statement: str, parameters: Mapping[str, JsonScalar] | None = None) -> list[dict[str, JsonScalar]]:
        """Run a statement and give its rows (10,000 at most); values that JSON lacks are given as text.

        Raises:
            RunbookError: the database refused, with its own words.
            DatabaseReadOnlyError: it refused because it takes no writes.
            ReadOnlyError: the statement writes and these are a check's hands.
            ServiceUnreachableError: no connection.
        """
        ...


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. `tls`: `none`, `starttls`, or `tls` from the first byte."""

    host: str
    port: int = 25
    tls: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MailReceipt:
    """What the mail server said of each recipient: accepted, or refused with its words."""

    accepted: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


class Mailer(Protocol):
    """Hands messages to a mail server; a check's hands refuse."""

    def send(
        self, server: MailServer, message: EmailMessage, recipients: Sequence[str], *, timeout: float
    ) -> MailReceipt:
        """Hand a message in.

        Raises:
            ReadOnlyError: these are a check's hands.
            ServiceUnreachableError: the server broke off; it may have taken the message.
        """
        ...
