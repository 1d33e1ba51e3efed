"""What is broken in the lab at this moment, and how the emulated AWS answers while it is."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

from runbook_engine.lab.request_log import OWN_PATH, AwsCall, read_call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

GLOBAL_SERVICES = frozenset({"cloudfront", "iam", "route53", "moto-api", "unsigned"})
ALIVE_PATH = f"{OWN_PATH}alive/"
"""Followed by a region: whether its APIs answer."""
OUTAGE_SECONDS = 0.2  # a service in trouble does not even refuse quickly


class _Protocol(Enum):
    """How a service is spoken to, as far as its errors differ."""

    QUERY = auto()
    EC2 = auto()
    S3 = auto()
    JSON = auto()
    REST_JSON = auto()


Refusal = tuple[HTTPStatus, str, str]
_UNAVAILABLE: Refusal = (
    HTTPStatus.SERVICE_UNAVAILABLE,
    "ServiceUnavailable",
    "the lab broke this region; `runbook lab mend region` mends it",
)
_THROTTLED_BY = {
    _Protocol.EC2: (HTTPStatus.SERVICE_UNAVAILABLE, "RequestLimitExceeded"),
    _Protocol.S3: (HTTPStatus.SERVICE_UNAVAILABLE, "SlowDown"),
    _Protocol.JSON: (HTTPStatus.BAD_REQUEST, "ThrottlingException"),
    _Protocol.REST_JSON: (HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequestsException"),
    _Protocol.QUERY: (HTTPStatus.BAD_REQUEST, "Throttling"),
}
_REST_XML = frozenset({"cloudfront", "route53"})


class Faults:
    """Which regions' APIs are down and whether requests are throttled; safe to share between threads."""

    def __init__(self) -> None:
        """Nothing is broken."""
        self._lock = threading.Lock()
        self._regions: set[str] = set()
        self._throttling = False
        self._asked: Counter[tuple[str, str, str]] = Counter()

    def set_region(self, region: str, *, up: bool) -> None:
        """Let the APIs of a region answer or fail. Global services such as Route 53 and IAM are in no region here."""
        with self._lock:
            (self._regions.discard if up else self._regions.add)(region)

    def set_throttling(self, *, on: bool) -> None:
        """Refuse every third request of an operation as one too many, the first among them, or none."""
        with self._lock:
            self._throttling = on
            self._asked.clear()

    @property
    def regions(self) -> frozenset[str]:
        """The regions whose APIs are down."""
        with self._lock:
            return frozenset(self._regions)

    @property
    def throttling(self) -> bool:
        """Whether requests are throttled."""
        return self._throttling

    def down(self, call: AwsCall) -> bool:
        """Whether a request goes to a region that is down."""
        with self._lock:
            return call.region in self._regions and call.service not in GLOBAL_SERVICES

    def too_many(self, call: AwsCall) -> bool:
        """Whether a request is refused as one too many; each that is asked about counts."""
        with self._lock:
            if not self._throttling:
                return False
            key = (call.service, call.region, call.operation)
            self._asked[key] += 1
            return self._asked[key] % 3 == 1


def faulty(app: WSGIApplication, faults: Faults) -> WSGIApplication:
    """The same WSGI application, which refuses what is broken in the words of the service that was asked."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(ALIVE_PATH):
            region_down = path.removeprefix(ALIVE_PATH) in faults.regions
            start_response("503 Service Unavailable" if region_down else "200 OK", [("Content-Length", "0")])
            return []
        call = read_call(environ)
        protocol = _protocol(call, environ)
        if faults.down(call):
            time.sleep(OUTAGE_SECONDS)
            status, code, message = _UNAVAILABLE
        elif faults.too_many(call):
            status, code = _THROTTLED_BY[protocol]
            message = "the lab throttles; `runbook lab mend throttling` ends it"
        else:
            return app(environ, start_response)
        content_type, body = _refused(protocol, code, message)
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    return application


def _protocol(call: AwsCall, environ: WSGIEnvironment) -> _Protocol:
    if environ.get("HTTP_X_AMZ_TARGET"):
        return _Protocol.JSON
    if call.service in {"ec2", "s3"}:
        return _Protocol.EC2 if call.service == "ec2" else _Protocol.S3
    named = " " not in call.operation  # those of REST services are a method and a path
    return _Protocol.QUERY if named or call.service in _REST_XML else _Protocol.REST_JSON


def _refused(protocol: _Protocol, code: str, message: str) -> tuple[str, bytes]:
    """A body as the service's protocol has it; a client must find the code in it."""
    if protocol is _Protocol.JSON:
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    if protocol is _Protocol.REST_JSON:
        return "application/json", json.dumps({"message": message}).encode()
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if protocol is _Protocol.S3:
        return "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>{error}'.encode()
    if protocol is _Protocol.EC2:
        return "text/xml", f"<Response><Errors>{error}</Errors><RequestID>lab</RequestID></Response>".encode()
    return "text/xml", f"<ErrorResponse>{error}<RequestId>lab</RequestId></ErrorResponse>".encode()
