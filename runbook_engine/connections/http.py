"""HTTP with bounds: total time, size and redirects are limited, and a check's client only asks."""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from runbook_engine.sdk import HttpAnswer, ReadOnlyError, RunbookError, ServiceUnreachableError, format_seconds

if TYPE_CHECKING:
    import httpx

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_CONNECT_SECONDS = 10.0
_TRUSTED_SECONDS = 3600  # after which the certificates of the authorities are read anew
_UNKNOWN = "whether it was taken is unknown"
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


class HttpxClient:
    """The HTTP client of actions.

    Args:
        read_only: refuse what isn't GET, HEAD or OPTIONS, before anything is sent.
    """

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only

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
        """Make a request; `timeout` bounds the whole of it, redirects and body included.

        A redirect to another origin loses the headers that may hold credentials. Standard proxy variables count.

        Raises:
            ReadOnlyError: the method may change something and these are a check's hands; nothing was sent.
            ServiceUnreachableError: no complete answer in time, too many redirects, or TLS could not be trusted.
            RunbookError: the URL or a header is not valid.
        """
        method = method.upper()
        if self._read_only and method not in _READS:
            raise ReadOnlyError(f"{method} {_shown(url)} is not a read; a check may only use GET, HEAD and OPTIONS")
        return _Exchange(method, url, dict(headers or {}), content, timeout, redirects, max_bytes).run(verify=verify)


class _Exchange:
    """One request with its redirects, under one deadline."""

    def __init__(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | None,
        seconds: float,
        redirects: int,
        max_bytes: int,
    ) -> None:
        self.method, self.url, self.headers, self.content = method, url, headers, content
        self.seconds, self.redirects, self.max_bytes = seconds, redirects, max_bytes
        self.began = time.monotonic()
        self.answered = False
        self.deadline = _Deadline(seconds)

    def run(self, *, verify: bool) -> HttpAnswer:
        import httpx

        what = f"{self.method} {_shown(self.url)}"
        late = f"{what}: no complete answer within {format_seconds(self.seconds)}"
        try:
            with _Deadline(self.seconds) as deadline, httpx.Client(verify=_trust(verify=verify)) as client:
                self.deadline = deadline
                return self._follow(client)
        except httpx.TimeoutException as error:
            sent = self.answered or not isinstance(error, httpx.ConnectTimeout)
            raise ServiceUnreachableError(late, hint=_UNKNOWN, sent=sent) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as error:
            raise RunbookError(f"{what}: {error}", hint="write the URL like https://host/path") from error
        except (httpx.HTTPError, OSError) as error:
            if self.deadline.passed:
                raise ServiceUnreachableError(late, hint=_UNKNOWN) from error
            sent = self.answered or not isinstance(error, httpx.ConnectError)
            raise ServiceUnreachableError(f"{what}: {_words(error)}", hint=_hint(error), sent=sent) from error

    def _follow(self, client: "httpx.Client") -> HttpAnswer:
        for _ in range(self.redirects + 1):
            answer = self._once(client)
            if answer is not None:
                return answer
        raise ServiceUnreachableError(f"{_shown(self.url)}: more than {self.redirects} redirects")

    def _once(self, client: "httpx.Client") -> HttpAnswer | None:
        """Make one request; None when it was a redirect, which is then the next request."""
        import httpx

        left = self._left()
        limits = httpx.Timeout(left, connect=min(left, _CONNECT_SECONDS))
        request = client.build_request(
            self.method,
            self.url,
            headers=self.headers,
            content=self.content,
            timeout=limits,
            extensions={"trace": self.deadline.trace},
        )
        response = client.send(request, stream=True)
        self.answered = True
        try:
            following = response.next_request
            if following is not None and self.redirects > 0:
                self._redirect(request, following)
                return None
            expires = _expiry(response)  # while the connection is open
            body, truncated = self._body(response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            seconds = time.monotonic() - self.began
            return HttpAnswer(response.status_code, headers, body, str(response.url), seconds, truncated, expires)
        finally:
            response.close()

    def _redirect(self, old: "httpx.Request", new: "httpx.Request") -> None:
        if (old.url.scheme, old.url.host, old.url.port) != (new.url.scheme, new.url.host, new.url.port):
            self.headers = {name: value for name, value in self.headers.items() if name.lower() not in _SECRET_HEADERS}
        if new.method != self.method:
            self.content = None
            self.headers = {
                name: value for name, value in self.headers.items() if not name.lower().startswith("content-")
            }
        self.method, self.url = new.method, str(new.url)

    def _body(self, response: "httpx.Response") -> tuple[bytes, bool]:
        kept = bytearray()
        for piece in response.iter_bytes():
            kept += piece[: self.max_bytes + 1 - len(kept)]
            if len(kept) > self.max_bytes:
                return bytes(kept[: self.max_bytes]), True
            self._left()
        return bytes(kept), False

    def _left(self) -> float:
        import httpx

        left = self.began + self.seconds - time.monotonic()
        if left <= 0:
            raise httpx.ReadTimeout("the time is over")
        return left


class _Deadline:
    """Breaks the connection off when the time is over, which no time limit of single reads can do."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for own in self._sockets:
                own.close()
            self._sockets.clear()

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Take note of each new connection; called by httpcore."""
        stream = info.get("return_value")
        if not event.endswith("connect_tcp.complete") or stream is None:
            return
        found = stream.get_extra_info("socket")  # type: ignore[attr-defined] # httpcore's NetworkStream, typed as object
        with self._lock:
            if isinstance(found, socket.socket):
                self._sockets.append(socket.socket(fileno=os.dup(found.fileno())))

    def _expire(self) -> None:
        with self._lock:
            self.passed = True
            for own in self._sockets:
                with contextlib.suppress(OSError):  # it is closed already, which is what is wanted
                    own.shutdown(socket.SHUT_RDWR)


def _trust(*, verify: bool) -> ssl.SSLContext:
    """Give whom to trust. To read all authorities' certificates takes longer than a request, so it is kept a while."""
    named = tuple(os.environ.get(name, "") for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return _read_trust(verify, named, int(time.monotonic() // _TRUSTED_SECONDS))


@lru_cache(maxsize=4)
def _read_trust(verify: bool, named: tuple[str, ...], hour: int) -> ssl.SSLContext:
    del named, hour  # what it depends on besides
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _expiry(response: "httpx.Response") -> datetime | None:
    """Give the end of the peer's certificate; None without TLS."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    raw = connection.getpeercert(True) if connection is not None else None  # noqa: FBT003 - DER; it takes no keyword
    if raw is None:
        return None
    from cryptography import x509

    return x509.load_der_x509_certificate(raw).not_valid_after_utc.astimezone(UTC)


def _shown(url: str) -> str:
    """Give the URL without its user, query and fragment, which may hold secrets."""
    head, found, rest = url.partition("://")
    if not found:
        return url.partition("?")[0]
    host, slash, path = rest.partition("/")
    return f"{head}://{host.rpartition('@')[2]}{slash}{path}".partition("?")[0].partition("#")[0]


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _hint(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the certificate is not trusted; put its authority into SSL_CERT_FILE, or renew it"
    return ""
