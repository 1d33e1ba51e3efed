"""The sources of `status_page.check`: pages and own probes, each read for itself, and what they say together."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.actions.status_feeds import Reading, State, read_aws, read_statuspage
from runbook_engine.sdk import ActionContext, HttpAnswer, Params, ServiceUnreachableError

AWS_FEED = "https://health.aws.amazon.com/public/currentevents"
SUMMARY_PATH = "/api/v2/summary.json"
RAW_CAP = 256 * 1024  # a region's outage fills AWS's feed with some 100 KiB, two bytes a letter
OK = 200


class Source(Params):
    """One source: a provider's page, or a probe of our own."""

    provider: Literal["aws", "statuspage", "probe"] = Field(
        description="whose format the page has; `probe`: no page, but an address of our own that is asked"
    )
    url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="address of the page; default for aws: AWS's public feed; needed for the others",
        examples=["https://jira-software.status.atlassian.com"],
    )
    region: str | None = Field(None, description="aws: only events of this region", examples=["us-east-1"])
    at_least: Literal["informational", "degraded", "disrupted"] = Field(
        "informational", description="aws: only events that are as grave as this, or graver"
    )
    components: list[str] = Field(
        [], description="statuspage: only these components, by name or id", examples=[["Search"]]
    )
    status: list[int] = Field([], description="probe: answers that are well; default: 200 alone", examples=[[200, 204]])

    @model_validator(mode="after")
    def _belongs_to_provider(self) -> Self:
        if self.provider != "aws" and self.url is None:
            examples = {"statuspage": "the page's url, such as https://jira-software.status.atlassian.com"}
            raise ValueError(f"{self.provider} needs {examples.get(self.provider, 'a url to ask')}")
        if self.provider != "aws" and (self.region is not None or self.at_least != "informational"):
            raise ValueError("region and at_least belong to provider aws; name components for statuspage")
        if self.provider != "statuspage" and self.components:
            raise ValueError("components belong to provider statuspage; name a region for aws")
        if self.provider != "probe" and self.status:
            raise ValueError("status belongs to provider probe")
        return self

    @property
    def address(self) -> str:
        """What is asked."""
        if self.url is None:
            return AWS_FEED
        if self.provider != "statuspage" or self.url.endswith(".json"):
            return self.url
        return self.url.rstrip("/") + SUMMARY_PATH


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What one source said, with the raw answer."""

    source: Source
    reading: Reading
    evidence: dict[str, JsonValue]


def read_source(source: Source, context: ActionContext, *, timeout: float) -> SourceReading:
    """Ask one source; `timeout` is in seconds.

    A page that can't be had says nothing. A probe that gets no answer is trouble seen from here, which may be our own
    network's: that is what the quorum is for.
    """
    url = source.address
    headers = {} if source.provider == "probe" else {"Accept": "application/json"}
    try:
        answer = context.http.request("GET", url, headers=headers, timeout=min(timeout, context.remaining()))
    except ServiceUnreachableError as error:
        state: State = "active" if source.provider == "probe" else "unknown"
        return SourceReading(source, Reading(state, error.message), {"url": url, "problem": error.message})
    return SourceReading(source, _judge(source, url, answer), _evidence(url, answer))


def joined(found: Sequence[SourceReading], quorum: int) -> Reading:
    """Say what the sources say together: what `quorum` of them agree on; otherwise nobody knows."""
    if len(found) == 1:
        return found[0].reading
    count = {state: sum(one.reading.state == state for one in found) for state in ("active", "clear", "maintenance")}
    state: State = "unknown"
    if count["active"] >= quorum:
        state = "active"
    elif count["clear"] >= quorum:
        state = "clear"
    elif count["clear"] + count["maintenance"] >= quorum:
        state = "maintenance"
    unknown = len(found) - sum(count.values())
    told = f"of {len(found)} sources {count['active']} report trouble, {count['clear']} none"
    told += f", {unknown} can't be read" if unknown else ""
    each = "; ".join(f"{one.source.provider} {one.source.address}: {one.reading.why}" for one in found)
    events = tuple(event for one in found for event in one.reading.events if one.reading.state == "active")
    return Reading(state, f"{told}, and {quorum} must agree ({each})", events)


def _judge(source: Source, url: str, answer: HttpAnswer) -> Reading:
    if source.provider == "probe":
        well = answer.status in (source.status or [OK])
        return Reading("clear" if well else "active", f"{url} answers {answer.status}")
    if answer.status != OK:
        return Reading("unknown", f"{url} answered with status {answer.status}")
    if answer.truncated:
        return Reading("unknown", f"{url} sent more than can be read")
    if source.provider == "aws":
        return read_aws(answer.body, source.region, at_least=source.at_least)
    return read_statuspage(answer.body, source.components)


def _evidence(url: str, answer: HttpAnswer) -> dict[str, JsonValue]:
    evidence: dict[str, JsonValue] = {
        "url": url,
        "status": answer.status,
        "sha256": hashlib.sha256(answer.body).hexdigest(),
        "bytes": len(answer.body),
        "raw": _raw_text(answer.body),
    }
    if len(answer.body) > RAW_CAP:
        evidence["raw_cut"] = True
    if (after := answer.headers.get("retry-after")) is not None:
        evidence["retry_after"] = after
    return evidence


def _raw_text(body: bytes) -> str:
    """Give the start of the raw answer as text, in the encoding that JSON's rules find."""
    return body[:RAW_CAP].decode(json.detect_encoding(body), "replace")
