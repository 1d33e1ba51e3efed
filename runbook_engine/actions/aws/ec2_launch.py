"""aws.ec2_launch: so many instances of a name run, and their status checks are ok."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.ec2_instances import GONE, LIVE, Instance, find_instances, not_ok
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import marks, refuse_reserved, tag_list, token
from runbook_engine.actions.aws.waiting import Seen, wait_gone, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
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

OK, LOST = "ok", "terminated by EC2"
Subnet = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]+$")]
SecurityGroup = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]+$")]


class Ec2LaunchParams(PolledParams):
    """What to launch, and by which name it is known."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9_.:/=+@-]{1,128}$",
        description="name of this launch in the region, by which its instances are found again",
        examples=["web-standby"],
    )
    count: int = Field(1, ge=1, le=100, description="number of instances")
    launch_template: str | None = Field(
        None, min_length=3, description="launch template, by name or id", examples=["web", "lt-0123456789abcdef0"]
    )
    template_version: str = Field("$Default", description="its version", examples=["7", "$Latest"])
    image: str | None = Field(
        None,
        pattern=r"^ami-[0-9a-f]+$",
        description="machine image of the region, such as the output `image` of aws.ami_copy; default: the template's",
        examples=["ami-0123456789abcdef0"],
    )
    instance_type: str | None = Field(None, description="default: the template's", examples=["m7i.large"])
    subnets: list[Subnet] = Field(
        [],
        description="subnets, tried in this order until one has room for all that lack; default: the template's",
        examples=[["subnet-0123456789abcdef0"]],
    )
    security_groups: list[SecurityGroup] = Field([], description="security groups; default: the template's")
    instance_profile: str | None = Field(None, description="name of an instance profile; default: the template's")
    key_name: str | None = Field(None, description="key pair for SSH; default: the template's")
    user_data: str | None = Field(None, description="what cloud-init gets, as text; default: the template's")
    tags: dict[str, str] = Field({}, description="tags besides `Name` and those that tell where they come from")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        refuse_reserved(self.tags)
        if self.launch_template is None and (self.image is None or self.instance_type is None):
            raise ValueError("without launch_template give image and instance_type")
        return self


class Ec2LaunchOutputs(Outputs):
    """The instances."""

    instances: list[str] = Field([], description="their ids, sorted")
    private_ips: list[str] = Field([], description="their private addresses, in the same order")
    public_ips: list[str] = Field([], description="their public addresses, those that have one, in the same order")
    launched: list[str] = Field([], description="ids of those that this step launched, which `revert` terminates")


class Ec2Launch(Action[Ec2LaunchParams]):
    """Launch instances, and wait until EC2's status checks are ok.

    check: as many instances as are wanted carry the launch's name and our marks, run, and are ok. More than are wanted,
    instances of another image, and stopped ones fail the step, in a dry run too: they are left alone.
    apply: launches what lacks, all or none, with the attempt's own token: a call that was lost launches nothing twice.
    Where a subnet has no capacity the next one is tried. An instance that EC2 terminates fails the step, with its
    reason. Application health is not looked at: let http.check follow.
    revert: terminates the instances that this step launched.
    """

    name = "aws.ec2_launch"
    eventual = True
    aws_reads = ("ec2:DescribeInstances", "ec2:DescribeInstanceStatus")
    aws_writes = ("ec2:RunInstances", "ec2:TerminateInstances")
    aws_permissions = ("ec2:CreateTags", "iam:PassRole", "kms:CreateGrant")
    aws_adds = ("ec2:Instance",)
    duration = "3-10 min"
    tested = ("moto, amended", "model")
    Params = Ec2LaunchParams
    Outputs = Ec2LaunchOutputs
    example: ClassVar[str] = """\
aws.ec2_launch:
  name: web-standby
  count: 2
  launch_template: web
  image: ami-0123456789abcdef0
  region: eu-west-1
"""

    def check(self, params: Ec2LaunchParams, context: ActionContext) -> Finding:
        """Look for them."""
        ec2 = client(params, context, "ec2")
        live = _live(params, find_instances(ec2, params.name))
        what = f"instances {params.name}"
        if len(live) < params.count:
            change = Change(what=what, before=len(live), after=params.count)
            words = f"{len(live)} of {params.count} {what} run"
            return unsatisfied(words, changes=(change,), evidence=_adds(params, params.count - len(live)))
        if waiting := not_ok(ec2, live):
            change = Change(what=f"status of {what}", before=", ".join(waiting), after=OK)
            return unsatisfied(f"{what}: {', '.join(waiting)}", changes=(change,))
        outputs: dict[str, JsonValue] = {
            "instances": [one.id for one in live],
            "private_ips": [one.private_ip for one in live],
            "public_ips": [one.public_ip for one in live if one.public_ip],
        }
        if mine := [one.id for one in live if one.launched_by(context)]:
            outputs["launched"] = [*mine]
        return satisfied(f"{len(live)} {what} run and are ok", outputs=outputs)

    def apply(self, params: Ec2LaunchParams, context: ActionContext) -> Applied:
        """Launch what lacks and wait."""
        ec2 = client(params, context, "ec2")
        found = find_instances(ec2, params.name)
        tokens = {token(context, subnet) for subnet in (*params.subnets, "")}
        lacking = params.count - len(_live(params, found))
        # What this very attempt launched may be shown in part: then it has launched all that it ever will.
        if lacking > 0 and not any(one.token in tokens for one in found):
            context.progress(f"launching {lacking} instances {params.name}")
            _launch(params, context, ec2, lacking)

        def look() -> Seen | None:
            seen = find_instances(ec2, params.name)
            lost = [one for one in seen if one.state in GONE and one.token in tokens]
            if lost:
                return Seen(LOST, detail="; ".join(f"{one.id}: {one.reason or 'no reason given'}" for one in lost))
            live = _live(params, seen)
            if len(live) < params.count:
                return Seen(f"{len(live)} of {params.count} shown")
            waiting = not_ok(ec2, live)
            return Seen(", ".join(waiting) or OK)

        what = f"instances {params.name}"
        wait_until(params, context, look, what=what, ready={OK}, terminal={LOST}, hint="see the reason, and try again")
        return Applied(summary=f"launched {max(lacking, 0)} {what}, {params.count} are ok")

    def revert(self, params: Ec2LaunchParams, context: ActionContext) -> Applied:
        """Terminate what this step launched."""
        recorded = context.recorded.get("launched")
        launched = {str(one) for one in recorded} if isinstance(recorded, list | tuple) else set()
        ec2 = client(params, context, "ec2")

        def left() -> list[Instance]:
            return [one for one in find_instances(ec2, params.name) if one.id in launched and one.state != "terminated"]

        ids = [one.id for one in left() if one.state not in GONE]
        if ids:
            ec2.call("terminate_instances", InstanceIds=ids)

        def look() -> Seen | None:
            seen = left()
            return Seen(f"{len(seen)} left") if seen else None

        wait_gone(params, context, look, what=f"instances {params.name}")
        if not ids:
            return Applied(summary=f"none of the instances {params.name} is left to terminate", changed=False)
        return Applied(summary=f"terminated {', '.join(ids)}")


def _live(params: Ec2LaunchParams, found: list[Instance]) -> list[Instance]:
    """Give those that run or are about to.

    Raises:
        ActionFailedError: what is there is not what the step would launch.
    """
    live = [one for one in found if one.state in LIVE]
    halted = [one.id for one in found if one.state not in LIVE | GONE]
    others = [f"{one.id} of {one.image}" for one in live if params.image is not None and one.image != params.image]
    problem = ""
    if halted:
        problem = f"{', '.join(halted)} of {params.name} are stopped"
    elif others:
        problem = f"instances {params.name} are of another image than {params.image}: {', '.join(others)}"
    elif len(live) > params.count:
        problem = f"{len(live)} instances {params.name} run, more than {params.count}"
    if problem:
        raise ActionFailedError(
            f"{problem}; they are left alone", hint="start or terminate them yourself, or choose another name"
        )
    return live


def _adds(params: Ec2LaunchParams, count: int) -> JsonObject:
    """Tell how many instances would be launched, and what says their type."""
    if params.instance_type is not None:
        of = {"instance_type": params.instance_type}
    else:
        of = {"launch_template": params.launch_template or "", "version": params.template_version}
    return additions(Addition(kind="ec2:Instance", region=params.region, role=params.role, count=count, of=of))


def _launch(params: Ec2LaunchParams, context: ActionContext, ec2: AwsClient, count: int) -> None:
    """Launch in the first subnet that has the capacity.

    Raises:
        AwsError: none has, or EC2 refuses for another reason.
    """
    places = params.subnets or [""]
    for number, subnet in enumerate(places):
        try:
            ec2.call(
                "run_instances",
                ClientToken=token(context, subnet),
                SubnetId=subnet or None,
                MinCount=count,
                MaxCount=count,
                **_what(params, context),
            )
        except AwsError as error:
            if trouble(error) is not Trouble.CAPACITY or number + 1 == len(places):
                raise
            context.progress(f"{subnet} has no capacity ({error.code}), trying {places[number + 1]}")
        else:
            return


def _what(params: Ec2LaunchParams, context: ActionContext) -> dict[str, object]:
    template = params.launch_template
    key = "LaunchTemplateId" if template and template.startswith("lt-") else "LaunchTemplateName"
    profile = params.instance_profile
    tags = tag_list({"Name": params.name, **params.tags, **marks(context, launch=params.name)})
    return {
        "LaunchTemplate": {key: template, "Version": params.template_version} if template else None,
        "ImageId": params.image,
        "InstanceType": params.instance_type,
        "SecurityGroupIds": params.security_groups or None,
        "IamInstanceProfile": {"Name": profile} if profile else None,
        "KeyName": params.key_name,
        "UserData": params.user_data,
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
    }
