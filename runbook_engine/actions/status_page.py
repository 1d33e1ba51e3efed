"""status_page.check: a provider's status page reports trouble, or none."""

import hashlib
import json
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.actions.status_feeds import Reading, read_aws, read_statuspage
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Finding,
    Outputs,
    Params,
    PositiveDuration,
    ServiceUnreachableError,
    satisfied,
    unknown,
    unsatisfied,
)

AWS_FEED = "https://health.aws.amazon.com/public/currentevents"
SUMMARY_PATH = "/api/v2/summary.json"
RAW_CAP = 64 * 1024
OK = 200


class StatusPageParams(Params):
    """Which page, and what it is expected to say."""

    provider: Literal["aws", "statuspage"] = Field(description="whose format the page has")
    url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="address of the page; default for aws: AWS's public feed; needed for statuspage",
        examples=["https://jira-software.status.atlassian.com"],
    )
    region: str | None = Field(None, description="aws: only events of this region", examples=["us-east-1"])
    components: list[str] = Field(
        [], description="statuspage: only these components, by name or id", examples=[["Search"]]
    )
    expect: Literal["degraded", "operational"] = Field("operational", description="what the page must say")
    timeout: PositiveDuration = Field(timedelta(seconds=20), description="for the request", examples=["20s"])

    @model_validator(mode="after")
    def _belongs_to_provider(self) -> Self:
        if self.provider == "statuspage" and self.url is None:
            raise ValueError("statuspage needs the page's url, such as https://jira-software.status.atlassian.com")
        if self.provider == "statuspage" and self.region is not None:
            raise ValueError("region belongs to provider aws; name components for statuspage")
        if self.provider == "aws" and self.components:
            raise ValueError("components belong to provider statuspage; name a region for aws")
        return self


class StatusPageOutputs(Outputs):
    """What the page said."""

    state: str = Field("", description="`active` (trouble), `clear`, `maintenance` or `unknown`")
    events: list[JsonValue] = Field([], description="the page's own events or incidents that count")


class StatusPageCheck(Action[StatusPageParams]):
    """Verify what a provider's status page reports.

    check: reads the page. `degraded` wants an active event, `operational` wants none. A page that can't be had or
    read is unknown, which is neither; planned maintenance is neither as well. The raw answer is kept as evidence.
    """

    name = "status_page.check"
    Params = StatusPageParams
    Outputs = StatusPageOutputs
    example: ClassVar[str] = """\
status_page.check:
  provider: aws
  region: us-east-1
  expect: degraded
"""

    def check(self, params: StatusPageParams, context: ActionContext) -> Finding:
        """Read the page and compare."""
        reading, evidence = _read(params, context)
        wanted = "active" if params.expect == "degraded" else "clear"
        events: list[JsonValue] = [dict(event) for event in reading.events]
        facts = {**evidence, "state": reading.state, "events": events}
        if reading.state == wanted:
            return satisfied(reading.why, outputs={"state": reading.state, "events": events}, evidence=facts)
        if reading.state == "unknown":
            words = f"the state is unknown, so that nobody can say {params.expect}: {reading.why}"
            return unknown(words, evidence=facts)
        return unsatisfied(f"expected {params.expect}, but: {reading.why}", evidence=facts)


def _read(params: StatusPageParams, context: ActionContext) -> tuple[Reading, dict[str, JsonValue]]:
    url = _address(params)
    timeout = min(params.timeout.total_seconds(), context.remaining())
    try:
        answer = context.http.request("GET", url, headers={"Accept": "application/json"}, timeout=timeout)
    except ServiceUnreachableError as error:
        return Reading("unknown", error.message), {"url": url, "problem": error.message}
    evidence: dict[str, JsonValue] = {
        "url": url,
        "status": answer.status,
        "sha256": hashlib.sha256(answer.body).hexdigest(),
        "bytes": len(answer.body),
        "raw": _raw_text(answer.body),
    }
    if answer.status != OK:
        return Reading("unknown", f"{url} answered with status {answer.status}"), evidence
    if answer.truncated:
        return Reading("unknown", f"{url} sent more than can be read"), evidence
    if params.provider == "aws":
        return read_aws(answer.body, params.region), evidence
    return read_statuspage(answer.body, params.components), evidence


def _address(params: StatusPageParams) -> str:
    if params.url is None:
        return AWS_FEED
    if params.provider == "aws" or params.url.endswith(".json"):
        return params.url
    return params.url.rstrip("/") + SUMMARY_PATH


def _raw_text(body: bytes) -> str:
    """Give the start of the raw answer as text, in the encoding that JSON's rules find."""
    return body[:RAW_CAP].decode(json.detect_encoding(body), "replace")
