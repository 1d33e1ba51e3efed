"""Asks Atlassian's services: waits when they ask for it, repeats what only reads, and never blindly what changes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import quote, urlencode, urlsplit

from runbook_engine.sdk import ActionContext, HttpAnswer, JsonValue, ServiceUnreachableError

from .answers import json_of, retry_after, words_of
from .errors import (
    BusyError,
    ForbiddenError,
    LoginRefusedError,
    LostAnswerError,
    NotThereError,
    RefusedError,
    TooLongError,
    UnreadableAnswerError,
)
from .pace import Pace

Query = Mapping[str, str | int | bool | None]

_BUSY = frozenset({420, 429})
_TRIES = 4  # of a read that is not answered
_BUSY_TRIES = 10
MAX_BYTES = 10_000_000
_FIRST_WAIT, _GREATEST_WAIT = 1.0, 60.0  # seconds, where the service does not say
_KINDS: Mapping[int, type[RefusedError]] = {
    401: LoginRefusedError,
    403: ForbiddenError,
    404: NotThereError,
    410: NotThereError,
}
_HINTS: Mapping[int, str] = {
    401: "are email and token those of one account? An API token ends after a year at most",
    403: "the account, or a scope of its token, lacks the right to do this",
    404: "is the name right, and may the account see it?",
    410: "the service no longer offers this",
}


def segment(text: str) -> str:
    """Write a text as one segment of a path: nothing in it leads elsewhere."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if set(text) <= {"."} else quoted


@dataclass(frozen=True, slots=True)
class _Call:
    """One request as it is sent, each time anew."""

    method: str
    url: str
    content: bytes | None
    headers: Mapping[str, str] = field(repr=False)
    repeatable: bool

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Client:
    """One of Atlassian's services.

    Args:
        context: whose hands are used: in a check they refuse everything but reads.
        base: address that every path begins at, without a slash at its end.
        authorization: the header, made by `login`.
        timeout: seconds for one request.
        max_bytes: greatest length of an answer.
    """

    context: ActionContext
    base: str
    authorization: str = field(repr=False)
    pace: Pace = field(default_factory=Pace)
    timeout: float = 30.0
    max_bytes: int = MAX_BYTES

    def get(self, path: str, query: Query | None = None) -> JsonValue:
        """Read. Repeated when no answer comes, or one that says that the service is down (5xx).

        Args:
            path: begins with a slash, below `base`; names in it are written by `segment`.
            query: parameters; those that are None are left out.

        Raises:
            RefusedError: the service refused; its subclasses say why.
            ServiceUnreachableError: no answer, or none that can be read.
        """
        return self._read(self._call("GET", self.base + path + _query(query), None, repeatable=True))

    def follow(self, url: str) -> JsonValue:
        """Read the next page by the whole address that the service gave, which must be the service's own."""
        if _origin(url) != _origin(self.base):
            raise UnreadableAnswerError(
                f"{self.base} gave a next page of another server, {_shown_origin(url)}; the token is not sent there"
            )
        return self._read(self._call("GET", url, None, repeatable=True))

    def fetch(self, path: str, query: Query | None = None, *, span: tuple[int, int] | None = None) -> bytes:
        """Read what is no JSON, whole or a span of it (first byte, number of bytes), with exactly that length.

        Raises:
            RefusedError, ServiceUnreachableError: as `get`.
            TooLongError: it is longer than `max_bytes`.
        """
        more = {"Accept": "*/*"} if span is None else {"Accept": "*/*", "Range": f"bytes={span[0]}-{sum(span) - 1}"}
        call = self._call("GET", self.base + path + _query(query), None, repeatable=True, more=more)
        answer = self._ask(call)
        if answer.truncated:
            raise TooLongError(f"{call}: it is longer than {self.max_bytes} bytes")
        if span is not None and (answer.status != 206 or len(answer.body) != span[1]):  # noqa: PLR2004 - partial content
            raise UnreadableAnswerError(f"{call}: {span[1]} bytes from {span[0]} on were asked for, and not given")
        return answer.body

    def send(
        self,
        method: str,
        path: str,
        body: JsonValue,
        *,
        query: Query | None = None,
        repeatable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> JsonValue:
        """Ask for a change, once: when its answer is lost it may have been made, and whoever asks must look.

        Args:
            repeatable: to make the change twice is to make it once (a PUT), so that it may be repeated.

        Raises:
            RefusedError: the service refused; nothing was done.
            LostAnswerError: it may have been done.
            ReadOnlyError: these are a check's hands; nothing was sent.
        """
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        call = self._call(method, self.base + path + _query(query), content, repeatable=repeatable, more=headers)
        answer = self._ask(call)
        try:
            return json_of(answer)
        except ValueError as error:
            raise LostAnswerError(f"{call}: status {answer.status}, but the answer can't be read: {error}") from None

    def _read(self, call: _Call) -> JsonValue:
        answer = self._ask(call)
        try:
            return json_of(answer)
        except ValueError as error:
            kind = TooLongError if answer.truncated else UnreadableAnswerError
            raise kind(
                f"{call}: the answer can't be read: {error}", hint="is the address that of the service itself?"
            ) from None

    def _call(
        self,
        method: str,
        url: str,
        content: bytes | None,
        *,
        repeatable: bool,
        more: Mapping[str, str] | None = None,
    ) -> _Call:
        headers = {"Accept": "application/json", "User-Agent": "runbook-engine", "Authorization": self.authorization}
        if content is not None:
            headers["Content-Type"] = "application/json"
        return _Call(method, url, content, {**headers, **(more or {})}, repeatable)

    def _ask(self, call: _Call) -> HttpAnswer:
        """Send until there is an answer to go by.

        Raises:
            RefusedError: it is a refusal.
            LostAnswerError: a change may have been made.
            ServiceUnreachableError: a read had no answer, several times.
        """
        lost, busy = 0, 0
        while True:
            self.pace.wait(self.context)
            try:
                answer = self._once(call)
            except ServiceUnreachableError as error:
                lost += 1
                if not call.repeatable:
                    raise LostAnswerError(error.message, hint="it may have been done all the same") from error
                if lost >= _TRIES:
                    raise
                self._pause(call, None, lost)
                continue
            if answer.status in _BUSY:
                busy += 1
                self._pause(call, answer, busy, give_up=busy >= _BUSY_TRIES)
            elif answer.status == 408 or answer.status >= 500:  # noqa: PLR2004 - HTTP's classes
                lost += 1
                said = f"{call}: status {answer.status}{_colon(words_of(answer))}"
                if not call.repeatable:
                    raise LostAnswerError(said, hint="it may have been done all the same")
                if lost >= _TRIES:
                    raise ServiceUnreachableError(f"{said}, {lost} times", hint="the service has trouble of its own")
                self._pause(call, answer, lost)
            elif answer.status >= 300:  # noqa: PLR2004 - HTTP's classes
                _refuse(call, answer)
            else:
                return answer

    def _once(self, call: _Call) -> HttpAnswer:
        seconds = max(0.001, min(self.timeout, self.context.remaining()))
        return self.context.http.request(
            call.method,
            call.url,
            headers=call.headers,
            content=call.content,
            timeout=seconds,
            redirects=0,
            max_bytes=self.max_bytes,
        )

    def _pause(self, call: _Call, answer: HttpAnswer | None, turn: int, *, give_up: bool = False) -> None:
        """Wait as long as the service asks, or longer each time.

        Raises:
            BusyError: that is longer than there is time.
        """
        asked = retry_after(answer, self.context.clock.now()) if answer is not None else None
        seconds = asked if asked is not None else min(_GREATEST_WAIT, _FIRST_WAIT * 2 ** (turn - 1))
        left = self.context.remaining()
        if answer is not None and (give_up or seconds >= left):
            raise BusyError(
                f"{call}: status {answer.status}, the service asks to wait {seconds:.0f} s, and {left:.0f} s are left",
                status=answer.status,
                hint="give the step a longer timeout, or ask for less at a time",
            )
        self.context.progress(f"waiting {seconds:.0f} s for {urlsplit(call.url).hostname}")
        # The context's pause may be a tenth shorter; what the service asked for is not.
        until = self.context.clock.monotonic() + seconds
        while (rest := until - self.context.clock.monotonic()) > 0:
            self.context.pause(rest)


def _refuse(call: _Call, answer: HttpAnswer) -> NoReturn:
    status, words = answer.status, words_of(answer)
    if status < 400:  # noqa: PLR2004 - HTTP's classes
        where = _shown_origin(answer.headers.get("location", ""))
        raise RefusedError(
            f"{call}: status {status}, a redirect to {where}", status=status, hint="give the service's own address"
        )
    kind = _KINDS.get(status, RefusedError)
    raise kind(f"{call}: status {status}{_colon(words)}", status=status, hint=_HINTS.get(status, ""))


def _colon(words: str) -> str:
    return f": {words}" if words else ""


def _query(query: Query | None) -> str:
    known = {key: value for key, value in (query or {}).items() if value is not None}
    plain = {key: str(value).lower() if isinstance(value, bool) else value for key, value in known.items()}
    return f"?{urlencode(plain)}" if plain else ""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", None, None
    if parts.username is not None or parts.password is not None:
        return "", None, None
    return parts.scheme, parts.hostname, port or {"https": 443, "http": 80}.get(parts.scheme)


def _shown_origin(url: str) -> str:
    scheme, host, port = _origin(url)
    return f"{scheme}://{host}:{port}" if host else "an address that is none"
