"""aws.eks_nodegroup: a managed node group of EKS has its sizes, and its instances are in service."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    refuse_stuck,
    watched,
)
from runbook_engine.actions.aws.before import noted, recorded_before, remember
from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import token
from runbook_engine.actions.aws.waiting import Seen, in_words, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsAnswer,
    AwsClient,
    AwsError,
    Change,
    Finding,
    JsonObject,
    JsonValue,
    Outputs,
    additions,
    satisfied,
    unsatisfied,
)

ACTIVE, FAILED = "ACTIVE", "failed"
DEAD = frozenset({"DEGRADED", "CREATE_FAILED", "DELETE_FAILED", "DELETING"})
TERMINAL = DEAD | {FAILED, FAILING}
HINT = "see the node group's health issues in EKS and the activity of its Auto Scaling group, then run the step again"


class EksParams(SizeParams):
    """Which node group, and how large."""

    cluster: str = Field(min_length=1, max_length=100, description="name of the cluster", examples=["standby"])
    nodegroup: str = Field(min_length=1, max_length=63, description="name of the node group", examples=["web"])


class EksOutputs(Outputs):
    """The node group's sizes."""

    nodegroup: str = Field("", description="name of the node group")
    min: int = Field(0, description="least number of nodes")
    max: int = Field(0, description="greatest number of nodes")
    desired: int = Field(0, description="number of nodes wanted")
    in_service: int = Field(0, description="instances in service and healthy, as Auto Scaling says")
    before: dict[str, int] = Field({}, description="min, max and desired as they were, which `revert` sets again")


@dataclass(frozen=True, slots=True)
class _Nodegroup:
    name: str
    arn: str
    seen: Seen
    sizes: Sizes
    groups: tuple[str, ...]
    tags: Mapping[str, str]


class EksNodegroup(Action[EksParams]):
    """Set the sizes of a managed node group of EKS, and wait until its instances are in service.

    check: compares the sizes, and looks at the node group's Auto Scaling group for instances in service and healthy. A
    node group that is not there, or is DEGRADED or in another state that does not end by itself, fails the step with
    its health issues, in a dry run too.
    apply: waits for an update that is under way; notes the sizes that were in the tag `dr:before`; updates, with the
    attempt's own token; waits for the update, and for the instances. `failed_launches` failed launches fail the step.
    revert: sets the sizes that were before, and waits.
    Whether Kubernetes calls the nodes Ready is not asked: let a check through kubectl follow where it matters.
    """

    name = "aws.eks_nodegroup"
    eventual = True
    aws_reads = (
        "eks:DescribeNodegroup",
        "eks:DescribeUpdate",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeScalingActivities",
    )
    aws_writes = ("eks:TagResource", "eks:UpdateNodegroupConfig")
    aws_adds = ("ec2:Instance",)
    duration = "2-10 min"
    tested = ("model",)
    Params = EksParams
    Outputs = EksOutputs
    example: ClassVar[str] = """\
aws.eks_nodegroup:
  cluster: standby
  nodegroup: web
  min: 2
  desired: 4
  region: eu-west-1
"""

    def check(self, params: EksParams, context: ActionContext) -> Finding:
        """Compare."""
        node = _find(params, client(params, context, "eks"))
        refuse_terminal(f"node group {node.name}", node.seen, DEAD, hint=HINT)
        if differing := node.sizes.differing(node.sizes.wanted(params), node.name, lambda: _adds(params, node)):
            return differing
        if node.seen.state != ACTIVE:
            change = Change(what=f"status of {node.name}", before=node.seen.state, after=ACTIVE)
            return unsatisfied(f"{node.name} is {in_words(node.seen)}", changes=(change,))
        groups = _groups(node, client(params, context, "autoscaling"))
        for group in groups:
            seen = group.seen(at_least=params.at_least)
            if seen.state != MATCHES:
                refuse_stuck(group)
                change = Change(what=f"instances of {node.name}", before=group.in_service, after=group.sizes.desired)
                return unsatisfied(f"{node.name}: {in_words(seen)}", changes=(change,))
        serving = sum(group.in_service for group in groups)
        outputs: dict[str, JsonValue] = {"nodegroup": node.name, **node.sizes.by_name(), "in_service": serving}
        if before := noted(node.tags, context):
            outputs["before"] = before
        return satisfied(f"{node.name}: {serving} in service", outputs=outputs)

    def apply(self, params: EksParams, context: ActionContext) -> Applied:
        """Note, update, wait."""
        eks, autoscaling = client(params, context, "eks"), client(params, context, "autoscaling")
        node = _settled(params, context, eks)
        wanted = node.sizes.wanted(params)
        known = [number for name in node.groups for number in failures(autoscaling, name)]
        before, update = noted(node.tags, context), ""
        if node.sizes != wanted:
            before = remember(context, node.tags, node.sizes.by_name(), lambda *tag: _tag(eks, node, *tag))
            update = _update(params, eks, wanted, token(context, repr(node.sizes)))
        _wait(params, context, update, known=known, at_least=params.at_least)
        outputs: dict[str, JsonValue] = {"before": before} if before else {}
        return Applied(summary=f"set {node.name} to {wanted}", outputs=outputs)

    def revert(self, params: EksParams, context: ActionContext) -> Applied:
        """Set what was before."""
        before = recorded_before(context, params.nodegroup)
        sizes = Sizes.recorded(before)
        eks, autoscaling = client(params, context, "eks"), client(params, context, "autoscaling")
        node = _settled(params, context, eks)
        known = [number for name in node.groups for number in failures(autoscaling, name)]
        update = _update(params, eks, sizes, token(context, repr(node.sizes))) if node.sizes != sizes else ""
        _wait(params, context, update, known=known, at_least=False)
        return Applied(summary=f"set {node.name} to {sizes} again")


def _find(params: EksParams, eks: AwsClient) -> _Nodegroup:
    """Describe the node group.

    Raises:
        ActionFailedError: there is none.
    """
    try:
        answer = eks.call("describe_nodegroup", clusterName=params.cluster, nodegroupName=params.nodegroup)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(
            f"there is no node group {params.nodegroup} of cluster {params.cluster} in {params.region}",
            hint="make it beforehand",
        ) from error
    item: AwsAnswer = answer["nodegroup"]
    sizes = item.get("scalingConfig") or {}
    issues = (item.get("health") or {}).get("issues") or []
    groups = (item.get("resources") or {}).get("autoScalingGroups") or []
    return _Nodegroup(
        name=str(item["nodegroupName"]),
        arn=str(item.get("nodegroupArn", "")),
        seen=Seen(str(item.get("status", "")), detail="; ".join(f"{one['code']}: {one['message']}" for one in issues)),
        sizes=Sizes(*(int(sizes.get(name, 0)) for name in ("minSize", "maxSize", "desiredSize"))),
        groups=tuple(str(one["name"]) for one in groups),
        tags=item.get("tags") or {},
    )


def _adds(params: EksParams, node: _Nodegroup) -> JsonObject:
    """Tell how many instances more are wanted; the type is their Auto Scaling group's."""
    count = node.sizes.wanted(params).desired - node.sizes.desired
    if count <= 0:
        return {}
    of = {"auto_scaling_group": node.groups[0]} if node.groups else {}
    return additions(Addition(kind="ec2:Instance", region=params.region, role=params.role, count=count, of=of))


def _groups(node: _Nodegroup, autoscaling: AwsClient) -> list[Group]:
    """Describe the Auto Scaling groups of a node group.

    Raises:
        ActionFailedError: one that EKS names is not there.
    """
    found = [(name, find_group(autoscaling, name)) for name in node.groups]
    gone = [name for name, group in found if group is None]
    if gone or not found:
        raise ActionFailedError(
            f"node group {node.name} has no Auto Scaling group {', '.join(gone)}".rstrip(), hint="make it anew"
        )
    return [group for _, group in found if group is not None]


def _settled(params: EksParams, context: ActionContext, eks: AwsClient) -> _Nodegroup:
    """Give the node group, after an update that is under way: EKS takes no second one before that ends."""
    found: list[_Nodegroup] = []

    def look() -> Seen:
        found[:] = [_find(params, eks)]
        return found[0].seen

    wait_until(params, context, look, what=params.nodegroup, ready={ACTIVE}, terminal=DEAD, hint=HINT)
    return found[0]


def _tag(eks: AwsClient, node: _Nodegroup, key: str, value: str) -> None:
    eks.call("tag_resource", resourceArn=node.arn, tags={key: value})


def _update(params: EksParams, eks: AwsClient, sizes: Sizes, key: str) -> str:
    """Begin; gives the update's id."""
    answer = eks.call(
        "update_nodegroup_config",
        clusterName=params.cluster,
        nodegroupName=params.nodegroup,
        scalingConfig={"minSize": sizes.min, "maxSize": sizes.max, "desiredSize": sizes.desired},
        clientRequestToken=key,
    )
    return str((answer.get("update") or {}).get("id", ""))


def _wait(params: EksParams, context: ActionContext, update: str, *, known: list[str], at_least: bool) -> None:
    """Wait for the update and for the instances; launches that failed since `known` are counted."""
    eks, autoscaling = client(params, context, "eks"), client(params, context, "autoscaling")

    def look() -> Seen:
        if update and (seen := _update_seen(params, eks, update)).state != ACTIVE:
            return seen
        node = _find(params, eks)
        if node.seen.state != ACTIVE:
            return node.seen
        looks = [watched(params, autoscaling, one, known, at_least=at_least) for one in _groups(node, autoscaling)]
        return next((seen for seen in looks if seen.state != MATCHES), looks[0])

    wait_until(params, context, look, what=params.nodegroup, ready={MATCHES}, terminal=TERMINAL, hint=HINT)


def _update_seen(params: EksParams, eks: AwsClient, update: str) -> Seen:
    """Give how far an update is; `ACTIVE` when it is through."""
    answer = eks.call("describe_update", name=params.cluster, nodegroupName=params.nodegroup, updateId=update)["update"]
    errors = "; ".join(f"{one.get('errorCode')}: {one.get('errorMessage')}" for one in answer.get("errors") or ())
    status = str(answer.get("status", ""))
    if status == "Successful":
        return Seen(ACTIVE)
    return Seen(FAILED if status in {"Failed", "Cancelled"} else f"update {status}", detail=errors)
