"""notify.pagerduty: triggers, acknowledges or resolves an incident by PagerDuty's Events API, version 2."""

from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from runbook_engine.actions.post import PostOutputs, Request, post_all, preview
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Effect,
    Finding,
    JsonObject,
    JsonValue,
    Params,
    PositiveDuration,
)

_LONGEST_SUMMARY = 1024


class PagerDutyParams(Params):
    """Which incident, and what is to become of it."""

    routing_key: SecretStr | None = Field(
        None, description="integration key of the service", examples=["{{ secret('env:PAGERDUTY_KEY') }}"]
    )
    audience: str | None = Field(None, description="or an audience of team.yml", examples=["on-call"])
    action: Literal["trigger", "acknowledge", "resolve"] = Field("trigger", description="what is to be done")
    dedup_key: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="what makes it the same incident for several steps; the run unless given",
        examples=["eu-outage"],
    )
    summary: str | None = Field(None, min_length=1, description="one line on what is wrong; a trigger needs it")
    severity: Literal["critical", "error", "warning", "info"] = Field("critical", description="how bad it is")
    source: str | None = Field(None, min_length=1, description="what it is about; the runbook unless given")
    component: str | None = Field(None, description="the part that is affected")
    group: str | None = Field(None, description="what the part belongs to")
    details: JsonObject = Field({}, description="whatever else helps", examples=[{"run": "{{ run.id }}"}])
    links: dict[str, str] = Field({}, description="words and address", examples=[{"Status": "https://x.example"}])
    endpoint: str = Field(
        "https://events.pagerduty.com/v2/enqueue",
        pattern=r"^https?://",
        description="the API; events.eu.pagerduty.com for accounts in the EU",
    )
    timeout: PositiveDuration = Field(timedelta(seconds=30), description="for one request", examples=["30s"])

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.routing_key is None) == (self.audience is None):
            raise ValueError("give exactly one of routing_key and audience (a name of team.yml)")
        if self.action == "trigger" and self.summary is None:
            raise ValueError("a trigger needs a summary")
        return self


class PagerDutyOutputs(PostOutputs):
    """Which incident it is."""

    dedup_key: str = Field("", description="the key that further steps name it by")


class NotifyPagerDuty(Action[PagerDutyParams]):
    """Trigger, acknowledge or resolve an incident in PagerDuty.

    In a drill it goes to the sandbox's service only, in a dry run it is shown and not sent.
    check: PagerDuty's Events API tells nothing; it shows the event.
    apply: sends the event. Its `dedup_key` makes a second one the same incident, so that it is sent again after a lost
    answer or a crash, and nobody is paged twice for it.
    """

    name = "notify.pagerduty"
    effect = Effect.TOKEN
    reversible = False
    addressees = ("audience", "routing_key")
    words = ("summary",)
    Params = PagerDutyParams
    Outputs = PagerDutyOutputs
    example: ClassVar[str] = """\
notify.pagerduty:
  routing_key: "{{ secret('env:PAGERDUTY_KEY') }}"
  summary: "Failover to {{ standby_region }} has begun"
  severity: critical
"""

    def check(self, params: PagerDutyParams, context: ActionContext) -> Finding:
        """Show the event."""
        shown = f"{params.action} {_dedup_key(params, context)}: {params.summary or ''}".rstrip(": ")
        return preview(context, "pagerduty", _keys(params, context), shown)

    def apply(self, params: PagerDutyParams, context: ActionContext) -> Applied:
        """Send it."""

        def build(key: str) -> Request:
            return Request({"routing_key": key, **_event(params, context)}, repeatable=True, secrets=(key,))

        done = post_all(context, _keys(params, context), build, timeout=params.timeout, url=params.endpoint)
        outputs = {**done.outputs, "dedup_key": _dedup_key(params, context)}
        return Applied(summary=f"{params.action} {_dedup_key(params, context)}", outputs=outputs)


def _keys(params: PagerDutyParams, context: ActionContext) -> tuple[str, ...]:
    literal = [params.routing_key.get_secret_value()] if params.routing_key is not None else []
    found = tuple(dict.fromkeys(context.recipients("pagerduty", audience=params.audience, literal=literal)))
    if not found:
        raise ActionFailedError(
            f"the audience {params.audience!r} has no PagerDuty key", hint="add pagerduty: [env:NAME] in team.yml"
        )
    return found


def _dedup_key(params: PagerDutyParams, context: ActionContext) -> str:
    return params.dedup_key or context.run.id


def _event(params: PagerDutyParams, context: ActionContext) -> dict[str, JsonValue]:
    event: dict[str, JsonValue] = {"event_action": params.action, "dedup_key": _dedup_key(params, context)}
    if params.summary is None:
        return event
    summary = params.summary
    if len(summary) > _LONGEST_SUMMARY:
        summary = f"{summary[: _LONGEST_SUMMARY - 1]}…"
    payload: dict[str, JsonValue] = {
        "summary": summary,
        "source": params.source or context.run.runbook,
        "severity": params.severity,
        "custom_details": {**params.details},
    }
    for name in ("component", "group"):
        if getattr(params, name) is not None:
            payload[name] = getattr(params, name)
    event |= {"payload": payload, "client": "runbook-engine"}
    if params.links:
        event["links"] = [{"text": words, "href": url} for words, url in params.links.items()]
    return event
