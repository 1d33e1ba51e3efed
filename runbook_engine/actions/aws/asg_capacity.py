"""aws.asg_capacity: an Auto Scaling group has its sizes, and its instances are in service."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.asg_groups import (
    FAILING,
    MATCHES,
    Group,
    SizeParams,
    Sizes,
    failures,
    find_group,
    lacks,
    refuse_stuck,
    watched,
)
from runbook_engine.actions.aws.before import noted, recorded_before, remember
from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.waiting import Seen, in_words, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    Change,
    Finding,
    JsonValue,
    Outputs,
    satisfied,
    unsatisfied,
)

HINT = "see the group's activity in EC2; free capacity, other instance types or zones, then run the step again"


class AsgParams(SizeParams):
    """Which group, and how large."""

    group: str = Field(min_length=1, max_length=255, description="name of the group", examples=["web-standby"])


class AsgOutputs(Outputs):
    """The group's sizes."""

    group: str = Field("", description="name of the group")
    min: int = Field(0, description="least number of instances")
    max: int = Field(0, description="greatest number of instances")
    desired: int = Field(0, description="number of instances wanted")
    in_service: int = Field(0, description="instances (or units of capacity) in service and healthy")
    before: dict[str, int] = Field({}, description="min, max and desired as they were, which `revert` sets again")


class AsgCapacity(Action[AsgParams]):
    """Set the sizes of an Auto Scaling group, and wait until its instances are in service.

    check: compares the sizes, and what is desired with what is in service and healthy. A group that is not there or is
    being deleted fails the step, and so does one whose process Launch (or Terminate) is suspended, in a dry run too.
    apply: notes the sizes that were in the tag `dr:before`, sets the new ones, and waits. Auto Scaling tries failed
    launches again for ever; the step fails after `failed_launches` of them, with AWS's reason
    (InsufficientInstanceCapacity). The group stays as it was set.
    revert: sets the sizes that were before, and waits.
    """

    name = "aws.asg_capacity"
    eventual = True
    aws_reads = ("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities")
    aws_writes = ("autoscaling:CreateOrUpdateTags", "autoscaling:UpdateAutoScalingGroup")
    aws_adds = ("ec2:Instance",)
    duration = "2-10 min, by how long an instance takes to be healthy"
    tested = ("moto, amended", "model")
    Params = AsgParams
    Outputs = AsgOutputs
    example: ClassVar[str] = """\
aws.asg_capacity:
  group: web-standby
  min: 2
  desired: 4
  region: eu-west-1
"""

    def check(self, params: AsgParams, context: ActionContext) -> Finding:
        """Compare."""
        group = _find(params, client(params, context, "autoscaling"))
        wanted = group.sizes.wanted(params)
        if differing := group.sizes.differing(wanted, group.name, lambda: lacks(params, group, wanted)):
            return differing
        seen = group.seen(at_least=params.at_least)
        if seen.state != MATCHES:
            refuse_stuck(group)
            change = Change(what=f"instances of {group.name}", before=group.in_service, after=wanted.desired)
            return unsatisfied(
                f"{group.name}: {in_words(seen)}", changes=(change,), evidence=lacks(params, group, wanted)
            )
        outputs: dict[str, JsonValue] = {"group": group.name, **group.sizes.by_name(), "in_service": group.in_service}
        if before := noted(group.tags, context):
            outputs["before"] = before
        return satisfied(f"{group.name}: {group.in_service} in service", outputs=outputs)

    def apply(self, params: AsgParams, context: ActionContext) -> Applied:
        """Note, set, wait."""
        autoscaling = client(params, context, "autoscaling")
        group = _find(params, autoscaling)
        wanted = group.sizes.wanted(params)
        before = noted(group.tags, context)
        known = failures(autoscaling, group.name)
        if group.sizes != wanted:
            before = remember(context, group.tags, group.sizes.by_name(), lambda *tag: _tag(autoscaling, group, *tag))
            _update(autoscaling, group.name, wanted)
        _wait(params, context, autoscaling, known=known, at_least=params.at_least)
        outputs: dict[str, JsonValue] = {"before": before} if before else {}
        return Applied(summary=f"set {group.name} to {wanted}", outputs=outputs)

    def revert(self, params: AsgParams, context: ActionContext) -> Applied:
        """Set what was before."""
        before = recorded_before(context, params.group)
        sizes = Sizes.recorded(before)
        autoscaling = client(params, context, "autoscaling")
        known = failures(autoscaling, params.group)
        _update(autoscaling, params.group, sizes)
        _wait(params, context, autoscaling, known=known, at_least=False)
        return Applied(summary=f"set {params.group} to {sizes} again")


def _find(params: AsgParams, autoscaling: AwsClient) -> Group:
    """Describe the group.

    Raises:
        ActionFailedError: there is none, or it is being deleted.
    """
    group = find_group(autoscaling, params.group)
    if group is None:
        raise ActionFailedError(
            f"there is no Auto Scaling group {params.group} in {params.region}", hint="make it beforehand"
        )
    if group.status:
        raise ActionFailedError(f"{group.name}: {group.status}", hint="choose or make another group")
    return group


def _tag(autoscaling: AwsClient, group: Group, key: str, value: str) -> None:
    tag = {"ResourceId": group.name, "ResourceType": "auto-scaling-group", "Key": key, "Value": value}
    autoscaling.call("create_or_update_tags", Tags=[{**tag, "PropagateAtLaunch": False}])


def _update(autoscaling: AwsClient, name: str, sizes: Sizes) -> None:
    autoscaling.call(
        "update_auto_scaling_group",
        AutoScalingGroupName=name,
        MinSize=sizes.min,
        MaxSize=sizes.max,
        DesiredCapacity=sizes.desired,
    )


def _wait(
    params: AsgParams, context: ActionContext, autoscaling: AwsClient, *, known: dict[str, str], at_least: bool
) -> None:
    """Wait for the instances; launches that failed since `known` are counted."""

    def look() -> Seen:
        return watched(params, autoscaling, _find(params, autoscaling), known, at_least=at_least)

    wait_until(params, context, look, what=params.group, ready={MATCHES}, terminal={FAILING}, hint=HINT)
