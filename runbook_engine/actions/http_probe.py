"""One look at an HTTP peer: what to ask, what to expect, and what was wrong with the answer."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, JsonValue, field_validator

from runbook_engine.sdk import ActionContext, Duration, HttpAnswer, Params, PositiveDuration, ServiceUnreachableError

BODY_SHOWN = 500


class HttpProbe(Params):
    """What to ask and what to expect of the answer."""

    url: str = Field(pattern=r"^https?://", description="what to ask for", examples=["https://app.example.com/health"])
    method: Literal["GET", "HEAD"] = Field("GET", description="how to ask")
    request_headers: dict[str, str] = Field(
        {}, description="headers to send", examples=[{"Accept": "application/json"}]
    )
    status: int | list[int] = Field(
        200, description="HTTP status, or the list of those that are good", examples=[200, [200, 204]]
    )
    headers: dict[str, str] = Field({}, description="headers that the answer must have, with exactly these values")
    json_values: dict[str, JsonValue] = Field(
        {},
        alias="json",
        description="dotted paths into the JSON body (numbers index lists) and the values they must have",
        examples=[{"db": "ok", "regions.0.name": "eu-west-1"}],
    )
    body_contains: str | None = Field(None, description="text that the body must hold")
    body_matches: str | None = Field(None, description="regular expression that must match somewhere in the body")
    tls_min_days: int | None = Field(None, ge=0, description="days that the server's certificate must still be valid")
    verify: bool = Field(default=True, description="whether the server's certificate must be trusted")
    redirects: int = Field(5, ge=0, le=20, description="redirects to follow at most")
    timeout: PositiveDuration = Field(timedelta(seconds=10), description="for one request", examples=["10s"])

    @field_validator("body_matches")
    @classmethod
    def _valid_expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                message = f"not a regular expression: {error}"
                raise ValueError(message) from None
        return value


class Interval(Params):
    """How often to look in a row."""

    in_a_row: int = Field(1, ge=1, le=1000, description="good answers that must follow one another")
    interval: Duration = Field(timedelta(seconds=1), description="time between them", examples=["1s"])


@dataclass(frozen=True, slots=True)
class Look:
    """What one request gave: the answer, if there was one, and everything that is wrong with it."""

    answer: HttpAnswer | None
    problems: tuple[str, ...]

    @property
    def evidence(self) -> dict[str, JsonValue]:
        """Facts for the record."""
        if self.answer is None:
            return {"problems": list(self.problems)}
        return {
            "url": self.answer.url,
            "status": self.answer.status,
            "seconds": round(self.answer.seconds, 3),
            "problems": list(self.problems),
        }


def look_by_http(probe: HttpProbe, context: ActionContext) -> Look:
    """Ask once. A peer that can't be reached is a problem found, not an error: a check is there to find it."""
    timeout = min(probe.timeout.total_seconds(), context.remaining())
    try:
        answer = context.http.request(
            probe.method,
            probe.url,
            headers=probe.request_headers,
            timeout=timeout,
            verify=probe.verify,
            redirects=probe.redirects,
        )
    except ServiceUnreachableError as error:
        return Look(None, (error.message,))
    return Look(answer, tuple(problems_of(answer, probe, context.clock.now())))


def problems_of(answer: HttpAnswer, probe: HttpProbe, now: datetime) -> list[str]:
    """List everything about an answer that is not as expected."""
    wanted = [probe.status] if isinstance(probe.status, int) else probe.status
    problems = []
    if answer.status not in wanted:
        problems.append(f"status {answer.status} instead of {' or '.join(map(str, wanted))}{_excerpt(answer)}")
    problems += _header_problems(answer.headers, probe.headers)
    problems += _body_problems(answer, probe)
    if probe.tls_min_days is not None:
        problems += _tls_problems(answer.tls_expires, probe.tls_min_days, now)
    return problems


def value_at(document: JsonValue, path: str) -> tuple[bool, JsonValue]:
    """Follow a dotted path; tells whether it leads anywhere, and to what."""
    current: JsonValue = document
    for part in path.split("."):
        if isinstance(current, Mapping) and part in current:
            current = current[part]
        elif (
            isinstance(current, Sequence)
            and not isinstance(current, str)
            and part.isdigit()
            and int(part) < len(current)
        ):
            current = current[int(part)]
        else:
            return False, None
    return True, current


def _header_problems(headers: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    return [
        f"header {name} is {headers.get(name.lower())!r} instead of {value!r}"
        for name, value in wanted.items()
        if headers.get(name.lower()) != value
    ]


def _body_problems(answer: HttpAnswer, probe: HttpProbe) -> list[str]:
    problems = []
    text = answer.body.decode("utf-8", "replace")
    if probe.body_contains is not None and probe.body_contains not in text:
        problems.append(f"the body does not hold {probe.body_contains!r}{_cut(answer)}")
    if probe.body_matches is not None and re.search(probe.body_matches, text) is None:
        problems.append(f"the body does not match {probe.body_matches!r}{_cut(answer)}")
    if probe.json_values:
        problems += _json_problems(answer, probe.json_values)
    return problems


def _json_problems(answer: HttpAnswer, wanted: Mapping[str, JsonValue]) -> list[str]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return [f"the body is not JSON{_cut(answer)}{_excerpt(answer)}"]
    problems = []
    for path, value in wanted.items():
        there, found = value_at(document, path)
        if not there:
            problems.append(f"the JSON body has no {path}")
        elif not _equal(found, value):
            problems.append(f"{path} is {json.dumps(found)} instead of {json.dumps(value)}")
    return problems


def _equal(left: JsonValue, right: JsonValue) -> bool:
    """Compare as JSON does: true is not 1."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _tls_problems(expires: datetime | None, days: int, now: datetime) -> list[str]:
    if expires is None:
        return ["there is no TLS certificate to look at; the address must begin with https://"]
    left = (expires - now) / timedelta(days=1)
    return [] if left >= days else [f"the TLS certificate ends in {left:.1f} days, on {expires:%Y-%m-%d}"]


def _cut(answer: HttpAnswer) -> str:
    return f" (it was cut off after {len(answer.body)} bytes; the rest was not read)" if answer.truncated else ""


def _excerpt(answer: HttpAnswer) -> str:
    text = answer.body[:BODY_SHOWN].decode("utf-8", "replace").strip()
    return f": {text}" if text else ""
