"""aws.arc_routing_control: traffic turned by routing controls of Amazon Application Recovery Controller (ARC)."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from runbook_engine.actions.aws.arc_cluster import Cluster
from runbook_engine.actions.aws.common import REGION, AwsParams
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsError,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

CONTROL = r"^arn:[a-z-]+:route53-recovery-control::\d{12}:controlpanel/[0-9a-zA-Z]+/routingcontrol/[0-9a-zA-Z]+$"
RULE = r"^arn:[a-z-]+:route53-recovery-control::\d{12}:controlpanel/[0-9a-zA-Z]+/safetyrule/[0-9a-zA-Z]+$"
URL = r"^(https://|http://127\.0\.0\.1[:/])"


def _word(value: object) -> object:
    """Read YAML's on and off, which some readers make booleans of, in whichever case."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    return value.capitalize() if isinstance(value, str) else value


State = Annotated[Literal["On", "Off"], BeforeValidator(_word)]


class ArcParams(AwsParams):
    """Which controls shall be on, and which off."""

    region: str = Field(
        pattern=REGION,
        description="region whose STS proves the account and gives the role: not the one that is left",
        examples=["eu-west-1"],
    )
    endpoints: dict[Annotated[str, Field(pattern=REGION)], Annotated[str, Field(pattern=URL)]] = Field(
        min_length=1,
        max_length=5,
        description="the cluster's endpoints by region; keep them in the inventory, because the control plane that "
        "lists them is of one region",
        examples=[{"us-east-1": "https://0a1b2c3d.route53-recovery-cluster.us-east-1.amazonaws.com/v1"}],
    )
    controls: dict[Annotated[str, Field(pattern=CONTROL)], State] = Field(
        min_length=1,
        description="states by the routing controls' ARNs: On or Off",
        examples=[
            {"arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b/routingcontrol/2c3d": "On"},
        ],
    )
    override_rules: list[Annotated[str, Field(pattern=RULE)]] = Field(
        [],
        description="ARNs of safety rules that need not be kept: a person's decision",
        examples=[["arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b/safetyrule/4e5f"]],
    )


class ArcOutputs(Outputs):
    """The controls."""

    states: dict[str, str] = Field({}, description="states by ARN")
    previous: dict[str, str] = Field({}, description="states of those that were changed, as they were before")
    endpoint: str = Field("", description="region of the endpoint that took the change")


class ArcRoutingControl(Action[ArcParams]):
    """Turn ARC's routing controls on and off, which moves traffic without any control plane.

    Only the cluster's data plane is used. Its five endpoints are asked in random order; one that does not answer
    within seconds is passed over.
    check: every control has its state.
    apply: sets those that differ in one call, so that safety rules see them together. A safety rule that forbids it
    fails the step. Where an answer is lost, the next endpoint is asked how they stand before anything is sent again.
    revert: sets what was changed to what it was before.
    """

    name = "aws.arc_routing_control"
    eventual = True
    alternatives = ("endpoints",)
    aws_reads = ("route53-recovery-cluster:GetRoutingControlState",)
    aws_writes = ("route53-recovery-cluster:UpdateRoutingControlStates",)
    duration = "seconds, and the resolvers' time to live"
    tested = ("model",)
    Params = ArcParams
    Outputs = ArcOutputs
    example: ClassVar[str] = """\
aws.arc_routing_control:
  endpoints:
    us-east-1: https://0a1b2c3d.route53-recovery-cluster.us-east-1.amazonaws.com/v1
    eu-west-1: https://4e5f6a7b.route53-recovery-cluster.eu-west-1.amazonaws.com/v1
  controls:
    arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b/routingcontrol/2c3d: "Off"
    arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b/routingcontrol/4e5f: "On"
  region: eu-west-1
"""

    def check(self, params: ArcParams, context: ActionContext) -> Finding:
        """Read the states."""
        found = Cluster(params, context, params.endpoints).states(params.controls)
        wanted = dict(params.controls)
        changes = tuple(
            Change(what=_short(control), before=found[control], after=state)
            for control, state in wanted.items()
            if found[control] != state
        )
        if changes:
            return unsatisfied(f"{len(changes)} of {len(wanted)} routing controls differ", changes=changes)
        return satisfied(f"{len(wanted)} routing controls are as wanted", outputs={"states": dict(found)})

    def apply(self, params: ArcParams, context: ActionContext) -> Applied:
        """Set the states that differ."""
        return _set(params, context, dict(params.controls))

    def revert(self, params: ArcParams, context: ActionContext) -> Applied:
        """Set back what was changed."""
        previous = context.recorded.get("previous")
        if not isinstance(previous, dict) or not previous:
            raise ActionFailedError(
                "it is not recorded how the routing controls were before",
                hint="set them by a step of its own, which names their states",
            )
        return _set(params, context, {control: str(state) for control, state in previous.items()})


def _set(params: ArcParams, context: ActionContext, wanted: dict[str, str]) -> Applied:
    cluster = Cluster(params, context, params.endpoints)
    found = cluster.states(wanted)
    differ = {control: state for control, state in wanted.items() if found[control] != state}
    if not differ:
        return Applied(summary="the routing controls are so already", changed=False)
    try:
        cluster.change(differ, params.override_rules)
    except AwsError as error:
        if error.code != "ConflictException":
            raise
        raise ActionFailedError(
            f"a safety rule forbids it: {error.message}",
            hint="change all controls of the panel in one step, turning one on with another off; a rule that a person "
            "decides not to keep is named in override_rules",
        ) from error
    words = ", ".join(f"{_short(control)} {state}" for control, state in differ.items())
    previous = {control: found[control] for control in differ}
    return Applied(
        summary=f"set {words} by the endpoint in {cluster.region}",
        outputs={"previous": previous, "endpoint": cluster.region},
    )


def _short(control: str) -> str:
    """Give the end of an ARN, which tells controls of one panel apart."""
    return control.rsplit(":", 1)[-1]
