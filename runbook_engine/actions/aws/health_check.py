"""aws.health_check: a Route 53 health check is inverted or not, disabled or not."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.before import noted, recorded_before, remember
from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import tags_of
from runbook_engine.actions.aws.waiting import Seen, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsAnswer,
    AwsClient,
    AwsError,
    Change,
    Finding,
    JsonValue,
    Outputs,
    satisfied,
    unsatisfied,
)

SETTINGS = ("inverted", "disabled")
AS_WANTED = "as wanted"


class HealthCheckParams(PolledParams):
    """Which health check, and how it shall be."""

    region: str = Field(
        "us-east-1", description="Route 53 is one service for all regions; leave it", examples=["us-east-1"]
    )
    health_check: str = Field(
        min_length=1, max_length=64, description="its id", examples=["0a1b2c3d-4e5f-6789-abcd-ef0123456789"]
    )
    inverted: bool | None = Field(
        None, description="whether healthy counts as unhealthy and the other way round; default: as it is"
    )
    disabled: bool | None = Field(
        None,
        description="whether Route 53 stops looking and calls it healthy (if inverted: unhealthy); default: as it is",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.wanted:
            raise ValueError("give at least one of inverted and disabled")
        return self

    @property
    def wanted(self) -> dict[str, bool]:
        """The settings that are given."""
        given = {"inverted": self.inverted, "disabled": self.disabled}
        return {name: value for name, value in given.items() if value is not None}


class HealthCheckOutputs(Outputs):
    """How the health check is set."""

    health_check: str = Field("", description="its id")
    inverted: bool = Field(default=False, description="whether it is inverted")
    disabled: bool = Field(default=False, description="whether it is disabled")
    before: dict[str, bool] = Field({}, description="both as they were, which `revert` sets again")


class HealthCheck(Action[HealthCheckParams]):
    """Invert or disable a Route 53 health check, and so move the traffic of failover records by hand.

    Disabled and inverted it always counts as unhealthy: the records that it guards fail over, whatever the old region
    answers. Changing a health check needs Route 53's control plane in us-east-1. A runbook for the loss of us-east-1
    itself should rely on health checks that see the loss, or on aws.arc_routing_control.
    check: compares. A health check that is not there, or that another AWS service owns, fails the step, in a dry run
    too.
    apply: notes how it was in the tag `dr:before`, and sets it, unless somebody else changed it in between.
    revert: sets both as they were.
    """

    name = "aws.health_check"
    eventual = True
    aws_reads = ("route53:GetHealthCheck", "route53:ListTagsForResource")
    aws_writes = ("route53:UpdateHealthCheck", "route53:ChangeTagsForResource")
    duration = "seconds; resolvers follow within a minute and the records' TTL"
    tested = ("moto",)
    Params = HealthCheckParams
    Outputs = HealthCheckOutputs
    example: ClassVar[str] = """\
aws.health_check:
  health_check: 0a1b2c3d-4e5f-6789-abcd-ef0123456789
  inverted: true
  disabled: true
"""

    def check(self, params: HealthCheckParams, context: ActionContext) -> Finding:
        """Compare."""
        route53 = client(params, context, "route53")
        now = _settings(_find(params, route53))
        changes = tuple(
            Change(what=f"{name} of health check {params.health_check}", before=now[name], after=value)
            for name, value in params.wanted.items()
            if now[name] != value
        )
        if changes:
            words = " and ".join(("" if now[name] else "not ") + name for name in params.wanted)
            return unsatisfied(f"health check {params.health_check} is {words}", changes=changes)
        outputs: dict[str, JsonValue] = {"health_check": params.health_check, **now}
        if before := noted(_tags(params, route53), context):
            outputs["before"] = before
        return satisfied(f"health check {params.health_check} is as wanted", outputs=outputs)

    def apply(self, params: HealthCheckParams, context: ActionContext) -> Applied:
        """Note and set."""
        route53 = client(params, context, "route53")
        tags = _tags(params, route53)
        now: dict[str, JsonValue] = {**_settings(_find(params, route53))}
        before = remember(context, tags, now, lambda key, value: _tag(params, route53, key, value))
        _set(params, context, route53, params.wanted)
        words = ", ".join(f"{name} {str(value).lower()}" for name, value in params.wanted.items())
        return Applied(summary=f"set health check {params.health_check} to {words}", outputs={"before": before})

    def revert(self, params: HealthCheckParams, context: ActionContext) -> Applied:
        """Set both as they were."""
        before = recorded_before(context, f"health check {params.health_check}")
        _set(params, context, client(params, context, "route53"), {name: bool(before[name]) for name in SETTINGS})
        return Applied(summary=f"set health check {params.health_check} as it was")


def _find(params: HealthCheckParams, route53: AwsClient) -> AwsAnswer:
    """Describe it.

    Raises:
        ActionFailedError: there is none, or it is another service's.
    """
    try:
        found: AwsAnswer = route53.call("get_health_check", HealthCheckId=params.health_check)["HealthCheck"]
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"there is no health check {params.health_check}", hint="make it beforehand") from error
    owner = (found.get("LinkedService") or {}).get("ServicePrincipal")
    if owner:
        raise ActionFailedError(
            f"health check {params.health_check} belongs to {owner}; it is left alone", hint="set it in that service"
        )
    return found


def _settings(item: AwsAnswer) -> dict[str, bool]:
    config = item.get("HealthCheckConfig") or {}
    return {name: bool(config.get(name.capitalize())) for name in SETTINGS}


def _tags(params: HealthCheckParams, route53: AwsClient) -> dict[str, str]:
    answer = route53.call("list_tags_for_resource", ResourceType="healthcheck", ResourceId=params.health_check)
    return tags_of(answer["ResourceTagSet"].get("Tags"))


def _tag(params: HealthCheckParams, route53: AwsClient, key: str, value: str) -> None:
    tags = [{"Key": key, "Value": value}]
    route53.call("change_tags_for_resource", ResourceType="healthcheck", ResourceId=params.health_check, AddTags=tags)


def _set(params: HealthCheckParams, context: ActionContext, route53: AwsClient, wanted: dict[str, bool]) -> None:
    """Set what differs, on the version that was seen, and wait until Route 53 shows it."""

    def differing(item: AwsAnswer) -> dict[str, bool]:
        now = _settings(item)
        return {name: value for name, value in wanted.items() if now[name] != value}

    item = _find(params, route53)
    if changes := differing(item):
        route53.call(
            "update_health_check",
            HealthCheckId=params.health_check,
            HealthCheckVersion=item.get("HealthCheckVersion"),
            **{name.capitalize(): value for name, value in changes.items()},
        )

    def look() -> Seen:
        left = differing(_find(params, route53))
        return Seen(f"{', '.join(left)} not yet set" if left else AS_WANTED)

    wait_until(params, context, look, what=f"health check {params.health_check}", ready={AS_WANTED})
