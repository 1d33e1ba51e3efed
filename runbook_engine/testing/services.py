"""Services in memory: AWS, HTTP, SQL and mail with answers that are written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any, TypeAlias, TypeVar

from runbook_engine.sdk import (
    AwsAnswer,
    AwsError,
    HttpAnswer,
    JsonScalar,
    MailReceipt,
    MailServer,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
)

READ_VERBS = ("describe_", "list_", "get_", "head_", "query", "scan")
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READ_STATEMENTS = ("select", "with", "show", "explain", "values")

AwsScript: TypeAlias = "AwsAnswer | Exception | Callable[..., AwsAnswer]"
HttpScript: TypeAlias = "HttpAnswer | Exception | Callable[[], HttpAnswer]"
Item = TypeVar("Item")


class FakeAws:
    """Gives clients for every service and region.

    Args:
        script: answer by `service:operation` (`rds:describe_db_instances`), or by `service:operation@region`: a
            dictionary, an `AwsError` to raise, a function of the call's parameters, or a list of these for one call
            after the other (the last stays). An operation that is not listed is an error.
    """

    def __init__(self, script: Mapping[str, AwsScript | Sequence[AwsScript]] | None = None) -> None:
        self._script = {key: list(value) if isinstance(value, list) else value for key, value in (script or {}).items()}
        self.calls: list[tuple[str, Mapping[str, object]]] = []

    def client(self, service: str, *, region: str, read_only: bool) -> FakeAwsClient:
        """Give a client."""
        return FakeAwsClient(self, service, region, read_only)

    def answer(self, service: str, operation: str, region: str, parameters: Mapping[str, object]) -> AwsAnswer:
        """Answer a call as the script says."""
        name = f"{service}:{operation}"
        self.calls.append((name, parameters))
        key = f"{name}@{region}" if f"{name}@{region}" in self._script else name
        if key not in self._script:
            message = f"the fake AWS has no answer for {name} in {region}; list it in its script"
            raise AssertionError(message)
        answer = _next(self._script[key])
        if isinstance(answer, Exception):
            raise answer
        given: AwsAnswer = answer(**parameters) if callable(answer) else answer
        return given


class FakeAwsClient:
    """Implements the AWS client port."""

    def __init__(self, aws: FakeAws, service: str, region: str, read_only: bool) -> None:
        self._aws, self._service, self._region, self._read_only = aws, service, region, read_only

    def call(self, operation: str, **parameters: object) -> AwsAnswer:
        """Answer a call."""
        if self._read_only and not operation.startswith(READ_VERBS):
            raise ReadOnlyError(f"check may not call {self._service}:{operation}: its hands are read-only")
        return self._aws.answer(self._service, operation, self._region, parameters)

    def pages(self, operation: str, key: str, **parameters: object) -> Iterator[AwsAnswer]:
        """Give the items of a listing."""
        items: list[AwsAnswer] = self.call(operation, **parameters).get(key) or []
        yield from items


class FakeHttp:
    """Implements the HTTP client port.

    Args:
        script: answer by `METHOD address`: an answer (see `http_answer`), an error to raise, a function, or a list of
            these for one request after the other (the last stays). What is not listed can't be reached.
    """

    def __init__(self, script: Mapping[str, HttpScript | Sequence[HttpScript]] | None = None) -> None:
        self._script = {key: list(value) if isinstance(value, list) else value for key, value in (script or {}).items()}
        self.calls: list[str] = []
        self.is_read_only = False

    def read_only(self) -> FakeHttp:
        """Give a view that refuses everything but reading."""
        view = FakeHttp()
        view._script, view.calls, view.is_read_only = self._script, self.calls, True
        return view

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
        """Answer a request."""
        del headers, content, timeout, verify, redirects, max_bytes
        if self.is_read_only and method not in READ_METHODS:
            raise ReadOnlyError(f"check may not {method} {url}: its hands are read-only")
        self.calls.append(f"{method} {url}")
        if f"{method} {url}" not in self._script:
            raise ServiceUnreachableError(f"{url} can't be reached (the fake has no answer for {method})")
        answer = _next(self._script[f"{method} {url}"])
        if isinstance(answer, Exception):
            raise answer
        made: HttpAnswer = answer() if callable(answer) else answer
        return made


def http_answer(
    status: int = 200,
    body: bytes | str = b"",
    *,
    url: str = "",
    headers: Mapping[str, str] | None = None,
    tls_expires: datetime | None = None,
) -> HttpAnswer:
    """Make an HTTP answer."""
    data = body.encode() if isinstance(body, str) else body
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return HttpAnswer(status=status, headers=lower, body=data, url=url, tls_expires=tls_expires)


class FakeSql:
    """Implements the database port: rows by statement; what is not listed, the database refuses."""

    def __init__(self, script: Mapping[str, Sequence[dict[str, JsonScalar]] | Exception] | None = None) -> None:
        self._script = dict(script or {})
        self.calls: list[str] = []
        self.is_read_only = False

    def read_only(self) -> FakeSql:
        """Give a view that refuses everything but reading."""
        view = FakeSql()
        view._script, view.calls, view.is_read_only = self._script, self.calls, True
        return view

    def query(self, statement: str, parameters: Mapping[str, JsonScalar] | None = None) -> list[dict[str, JsonScalar]]:
        """Answer a statement."""
        del parameters
        if self.is_read_only and not statement.lstrip().lower().startswith(READ_STATEMENTS):
            raise ReadOnlyError(f"check may not run {statement!r}: its hands are read-only")
        self.calls.append(statement)
        answer = self._script.get(statement)
        if answer is None:
            raise RunbookError(f"the fake database does not know the statement {statement!r}")
        if isinstance(answer, Exception):
            raise answer
        return [dict(row) for row in answer]


@dataclass(slots=True)
class MemoryMailer:
    """Implements the mail port: keeps what it is handed.

    Attributes:
        refuse: the server's words by refused address.
        breaks_at: the message (counted from 1) at which the server breaks off; 0 for never.
        sent: recipient and message, in the order of sending.
    """

    refuse: Mapping[str, str] = field(default_factory=dict)
    breaks_at: int = 0
    sent: list[tuple[str, EmailMessage]] = field(default_factory=list)
    is_read_only: bool = False

    def read_only(self) -> MemoryMailer:
        """Give a view that sends nothing."""
        return MemoryMailer(self.refuse, self.breaks_at, self.sent, is_read_only=True)

    def send(
        self, server: MailServer, message: EmailMessage, recipients: Sequence[str], *, timeout: float
    ) -> MailReceipt:
        """Keep a message."""
        del timeout
        if self.is_read_only:
            raise ReadOnlyError("check may not send mail: its hands are read-only")
        if self.breaks_at == len(self.sent) + 1:
            raise ServiceUnreachableError(f"{server.host} broke off; it may have taken the message")
        refused = {address: self.refuse[address] for address in recipients if address in self.refuse}
        accepted = tuple(address for address in recipients if address not in refused)
        self.sent += [(address, message) for address in accepted]
        return MailReceipt(accepted, refused)


def aws_error(code: str, message: str = "") -> AwsError:
    """Make an error as AWS answers it."""
    return AwsError(message or f"AWS says {code}", code=code)


def _next(script: Any) -> Any:
    """Give the next answer: of a list one after the other, the last for ever."""
    if not isinstance(script, list):
        return script
    return script.pop(0) if len(script) > 1 else script[0]
