"""The request log: one line for each call to the AWS endpoint, which proves that a dry run wrote nothing."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CREDENTIAL = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
READ_PREFIXES = (
    "BatchGet",
    "Check",
    "Describe",
    "Estimate",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "Validate",
)
SESSION_OPERATIONS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
OPERATION_IN_PATH = frozenset({"batch", "drs", "resource-explorer-2"})  # they read by POST /DescribeJobs
OWN_PATH = "/_lab/"  # what the lab asks itself is nobody's request
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One request to the endpoint. `write` errs on the side of true."""

    service: str
    region: str
    operation: str
    method: str
    path: str
    write: bool


class RequestLog:
    """Appends calls to a file that can be changed while the server runs."""

    def __init__(self, path: Path) -> None:
        """Start an empty log at `path`."""
        self._lock = threading.Lock()
        self._path = path
        self.switch_to(path)

    def switch_to(self, path: Path) -> None:
        """Write what follows to a new, empty file."""
        with self._lock:
            path.write_bytes(b"")
            self._path = path

    def append(self, call: AwsCall) -> None:
        """Write one line, before the call is carried out, so that no crash can lose it."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, **asdict(call)}) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def logged(app: WSGIApplication, log: RequestLog) -> WSGIApplication:
    """The same WSGI application, each request of which is written to the log first."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not str(environ.get("PATH_INFO", "")).startswith(OWN_PATH):
            log.append(read_call(environ))
        return app(environ, start_response)

    return application


def read_call(environ: WSGIEnvironment) -> AwsCall:
    """Say what a request asks for, from its signature, its form or target header, or its method and path."""
    method = str(environ.get("REQUEST_METHOD", "GET")).upper()
    path = str(environ.get("PATH_INFO", "/"))
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    if path.startswith("/moto-api"):
        return AwsCall("moto-api", "", f"{method} {path}", method, path, method not in READ_METHODS)
    service, region = _scope(str(environ.get("HTTP_AUTHORIZATION", "")), query)
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    form = {**query, **_form(environ)}
    if target:
        operation = target.rpartition(".")[2]
        write = is_write_operation(operation)
    elif "Action" in form:
        operation = form["Action"][0]
        rehearsed = form.get("DryRun", [""])[0].lower() == "true"
        write = is_write_operation(operation) and not rehearsed
    else:
        operation = f"{method} {path}"
        write = _is_rest_write(service, method, path, query)
    return AwsCall(service, region, operation, method, path, write)


def is_write_operation(operation: str) -> bool:
    """Whether a named AWS operation may change something."""
    return operation not in SESSION_OPERATIONS and not operation.startswith(READ_PREFIXES)


def _scope(authorization: str, query: dict[str, list[str]]) -> tuple[str, str]:
    presigned = query.get("X-Amz-Credential", [""])[0]
    found = CREDENTIAL.search(authorization or f"Credential={presigned}")
    return (found["service"], found["region"]) if found else ("unsigned", "")


def _form(environ: WSGIEnvironment) -> dict[str, list[str]]:
    if not str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)  # the application reads it again
    return parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True)


def _is_rest_write(service: str, method: str, path: str, query: dict[str, list[str]]) -> bool:
    if method in READ_METHODS:
        return False
    if method == "POST" and service == "s3":
        return "select" not in query  # SelectObjectContent is the one POST of S3 that only reads
    last = path.rstrip("/").rpartition("/")[2]
    named_in_path = method == "POST" and service in OPERATION_IN_PATH
    return not (named_in_path and (last[:1].upper() + last[1:]).startswith(READ_PREFIXES))
