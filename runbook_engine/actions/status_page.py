"""status_page.check: a provider's status page reports trouble, or none."""

from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from runbook_engine.actions.status_sources import Source, joined, read_source
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Finding,
    Outputs,
    PositiveDuration,
    satisfied,
    unknown,
    unsatisfied,
)


class StatusPageParams(Source):
    """Which page, and what it is expected to say; with `also`, further sources that must agree."""

    expect: Literal["degraded", "operational"] = Field("operational", description="what the page must say")
    also: list[Source] = Field(
        [],
        description="further sources: other pages, and probes of our own (`provider: probe`)",
        examples=[[{"provider": "probe", "url": "https://app.example.com/health"}]],
    )
    quorum: int | None = Field(
        None, ge=1, description="how many of the sources must agree; default: more than half of them", examples=[2]
    )
    timeout: PositiveDuration = Field(timedelta(seconds=20), description="for each source's answer", examples=["20s"])

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.quorum is not None and self.quorum > 1 + len(self.also):
            raise ValueError(f"quorum is {self.quorum}, and there are {1 + len(self.also)} sources")
        keys = [(one.provider, one.address, one.region, tuple(sorted(one.components))) for one in self.sources]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"{twice[1]} is there twice, and one source can't agree with itself")
        return self

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source."""
        return (self, *self.also)

    @property
    def needed(self) -> int:
        """How many sources must agree."""
        return self.quorum or len(self.sources) // 2 + 1


class StatusPageOutputs(Outputs):
    """What the page said."""

    state: str = Field("", description="`active` (trouble), `clear`, `maintenance` or `unknown`")
    events: list[JsonValue] = Field([], description="the page's own events or incidents that count")


class StatusPageCheck(Action[StatusPageParams]):
    """Verify what a provider's status page reports.

    check: reads the page. `degraded` wants an active event, `operational` wants none. A page that can't be had or
    read is unknown, which is neither; planned maintenance is neither as well. With several sources, what so many of
    them as `quorum` says agree on counts, and nobody knows when they don't; a probe that gets no answer, or another
    one than it should, counts as trouble. The raw answers are kept as evidence, their first 256 KiB.
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
        timeout = params.timeout.total_seconds()
        found = [read_source(source, context, timeout=timeout) for source in params.sources]
        reading = joined(found, params.needed)
        wanted = "active" if params.expect == "degraded" else "clear"
        events: list[JsonValue] = [dict(event) for event in reading.events]
        facts: dict[str, JsonValue] = {"state": reading.state, "events": events}
        if len(found) == 1:
            facts = {**found[0].evidence, **facts}
        else:
            facts["quorum"] = params.needed
            facts["sources"] = [{**one.evidence, "state": one.reading.state} for one in found]
        if reading.state == wanted:
            return satisfied(reading.why, outputs={"state": reading.state, "events": events}, evidence=facts)
        if reading.state == "unknown":
            words = f"the state is unknown, so that nobody can say {params.expect}: {reading.why}"
            return unknown(words, evidence=facts)
        return unsatisfied(f"expected {params.expect}, but: {reading.why}", evidence=facts)
