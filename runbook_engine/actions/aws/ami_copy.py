"""aws.ami_copy: a machine image copied into the region, so that instances can be started from it there."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.ec2_copies import (
    CopyKind,
    CopyParams,
    await_copy,
    find_copy,
    find_source,
    place,
    refuse_foreign_copy,
    specification,
    standing,
    tags_for,
)
from runbook_engine.actions.aws.marks import as_utc, token
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Addition,
    Applied,
    AwsAnswer,
    AwsClient,
    Change,
    Finding,
    JsonObject,
    Outputs,
    additions,
    unsatisfied,
)


class AmiCopyParams(CopyParams):
    """Which image."""

    image: str = Field(
        pattern=r"^ami-[0-9a-f]+$", description="id of the image there", examples=["ami-0123456789abcdef0"]
    )
    name: str | None = Field(
        None,
        min_length=3,
        max_length=128,
        description="name of the copy; default: the image's own",
        examples=["web-dr"],
    )


class AmiCopyOutputs(Outputs):
    """The copy."""

    image: str = Field("", description="id of the copy")
    name: str = Field("", description="its name")
    source: str = Field("", description="region and id of the image that it is a copy of")
    recovery_point: str = Field("", description="the time that the image was made, UTC; empty when not known")


def _seen(item: AwsAnswer) -> Seen:
    return Seen(item.get("State", ""), detail=(item.get("StateReason") or {}).get("Message", ""))


def _made(source: AwsAnswer) -> datetime | None:
    text = str(source.get("CreationDate") or "")
    return as_utc(datetime.fromisoformat(text)) if text else None


IMAGE = CopyKind(
    noun="image",
    identity="ImageId",
    owner="Owners",
    ready="available",
    terminal=frozenset({"deregistered", "disabled", "error", "failed", "invalid"}),
    hint="look at the image's state reason in EC2; deregister it and run the step again",
    seen=_seen,
    made=_made,
)


class AmiCopy(Action[AmiCopyParams]):
    """Copy a machine image into another region.

    check: looks in the region for a copy of the same image, by its tags or by what EC2 says of its source. It asks the
    source region only when there is none. A copy that failed, and an image that is not there, fail the step.
    apply: copies, with the attempt's own token, or goes on waiting for a copy that has begun.
    revert: deregisters the copy, with its snapshots, if its tags say that it is ours.
    """

    name = "aws.ami_copy"
    eventual = True
    aws_reads = ("ec2:DescribeImages",)
    aws_writes = ("ec2:CopyImage", "ec2:DeregisterImage")
    aws_permissions = ("ec2:CreateTags", "ec2:DeleteSnapshot", "kms:CreateGrant", "kms:DescribeKey")
    aws_adds = (
        "ec2:Image",
        "ec2:Snapshot",
    )
    duration = "5-30 min, by size"
    tested = ("moto, amended",)
    Params = AmiCopyParams
    Outputs = AmiCopyOutputs
    example: ClassVar[str] = """\
aws.ami_copy:
  source_region: us-east-1
  image: ami-0123456789abcdef0
  region: eu-west-1
"""

    def check(self, params: AmiCopyParams, context: ActionContext) -> Finding:
        """Look for the copy; when there is none, at the image."""
        copy = _find(params, client(params, context, "ec2"))
        if copy is not None:
            return standing(IMAGE, params, context, copy, params.image, name=copy.get("Name", ""))
        source = find_source(IMAGE, params, context, params.image)
        after = {"source": place(params, params.image), "name": params.name or source.get("Name", "")}
        words = f"image {params.image} of {params.source_region} is not in {params.region}"
        change = Change(what=f"image {after['name']}", before=None, after=after)
        return unsatisfied(words, changes=(change,), recovery_point=_made(source), evidence=_adds(params, source))

    def apply(self, params: AmiCopyParams, context: ActionContext) -> Applied:
        """Copy and wait."""
        ec2 = client(params, context, "ec2")
        copy = _find(params, ec2)
        made = _copy(params, context, ec2) if copy is None else str(copy["ImageId"])
        await_copy(IMAGE, params, context, ec2, made)
        return Applied(summary=f"copied image {params.image} to {params.region} as {made}")

    def revert(self, params: AmiCopyParams, context: ActionContext) -> Applied:
        """Deregister the copy, if it is ours."""
        ec2 = client(params, context, "ec2")
        copy = _find(params, ec2)
        if copy is None:
            return Applied(summary=f"there is no copy of {params.image}", changed=False)
        refuse_foreign_copy(IMAGE, params, copy, params.image)
        ec2.call("deregister_image", ImageId=copy["ImageId"], DeleteAssociatedSnapshots=True)
        return Applied(summary=f"deregistered image {copy['ImageId']}, deleted its snapshots")


def _find(params: AmiCopyParams, ec2: AwsClient) -> AwsAnswer | None:
    """Find a copy by its tags, or by what EC2 says of its source."""
    tagged = find_copy(IMAGE, params, ec2, params.image)
    if tagged is not None:
        return tagged
    wanted = (params.image, params.source_region)
    every = ec2.pages(IMAGE.describe, IMAGE.listed, Owners=["self"])
    found = (item for item in every if (item.get("SourceImageId"), item.get("SourceImageRegion")) == wanted)
    return min(found, key=IMAGE.rank, default=None)


def _adds(params: AmiCopyParams, source: AwsAnswer) -> JsonObject:
    """Tell what a copy adds: the image, and a snapshot for each of its volumes."""
    volumes = sum("Ebs" in device for device in source.get("BlockDeviceMappings") or ())
    image = Addition(kind="ec2:Image", region=params.region, role=params.role)
    return additions(image, image.model_copy(update={"kind": "ec2:Snapshot", "count": volumes}))


def _copy(params: AmiCopyParams, context: ActionContext, ec2: AwsClient) -> str:
    source = find_source(IMAGE, params, context, params.image)
    tags = tags_for(IMAGE, params, source, params.image)
    context.progress(f"copying image {params.image} to {params.region}")
    answer = ec2.call(
        "copy_image",
        Name=params.name or source.get("Name") or params.image,
        SourceImageId=params.image,
        SourceRegion=params.source_region,
        Encrypted=True if params.kms_key else None,
        KmsKeyId=params.kms_key,
        ClientToken=token(context),
        TagSpecifications=[specification(kind, params, context, tags) for kind in ("image", "snapshot")],
    )
    return str(answer["ImageId"])
