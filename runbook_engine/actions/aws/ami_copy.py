"""aws.ami_copy: a machine image copied into the region, so that instances can be started from it there."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.ec2_copies import CopyParams, copies, find_one, place, specification
from runbook_engine.actions.aws.marks import (
    POINT_TAG,
    SOURCE_TAG,
    age,
    as_utc,
    recovery_point,
    refuse_foreign,
    tags_of,
    token,
)
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsAnswer,
    AwsClient,
    Change,
    Finding,
    JsonObject,
    Outputs,
    additions,
    satisfied,
    unsatisfied,
)

READY, TERMINAL = frozenset({"available"}), frozenset({"deregistered", "disabled", "error", "failed", "invalid"})
HINT = "look at the image's state reason in EC2; deregister it and run the step again"


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


@dataclass(frozen=True, slots=True)
class _Copy:
    id: str
    name: str
    seen: Seen
    point: datetime | None
    item: AwsAnswer


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
        if copy is None:
            source = _source(params, context)
            point = _made(source)
            after = {"source": place(params, params.image), "name": params.name or source.get("Name", "")}
            words = f"image {params.image} of {params.source_region} is not in {params.region}"
            change = Change(what=f"image {after['name']}", before=None, after=after)
            return unsatisfied(words, changes=(change,), recovery_point=point, evidence=_adds(params, source))
        refuse_terminal(f"image {copy.id}", copy.seen, TERMINAL, hint=HINT)
        if copy.seen.state not in READY:
            change = Change(what=f"image {copy.id} state", before=copy.seen.state, after="available")
            return unsatisfied(f"image {copy.id} is {copy.seen.state}", changes=(change,), recovery_point=copy.point)
        outputs = {
            "image": copy.id,
            "name": copy.name,
            "source": place(params, params.image),
            "recovery_point": copy.point.isoformat() if copy.point else "",
        }
        words = f"image {copy.id} is a copy of {params.image} of {params.source_region}{age(copy.point, context)}"
        return satisfied(words, outputs=outputs, recovery_point=copy.point)

    def apply(self, params: AmiCopyParams, context: ActionContext) -> Applied:
        """Copy and wait."""
        ec2 = client(params, context, "ec2")
        copy = _find(params, ec2)
        made = _copy(params, context, ec2) if copy is None else copy.id

        def look() -> Seen | None:
            found = find_one(ec2, "describe_images", "Images", ImageIds=[made])
            return None if found is None else _seen(found)

        wait_until(params, context, look, what=f"image {made}", ready=READY, terminal=TERMINAL, hint=HINT)
        return Applied(summary=f"copied image {params.image} to {params.region} as {made}")

    def revert(self, params: AmiCopyParams, context: ActionContext) -> Applied:
        """Deregister the copy, if it is ours."""
        ec2 = client(params, context, "ec2")
        copy = _find(params, ec2)
        if copy is None:
            return Applied(summary=f"there is no copy of {params.image}", changed=False)
        source = place(params, params.image)
        refuse_foreign(f"image {copy.id} in {params.region}", tags_of(copy.item.get("Tags")), source=source)
        ec2.call("deregister_image", ImageId=copy.id, DeleteAssociatedSnapshots=True)
        return Applied(summary=f"deregistered image {copy.id}, deleted its snapshots")


def _find(params: AmiCopyParams, ec2: AwsClient) -> _Copy | None:
    """Find a copy; one that is usable before one that is being made, and that before one that failed."""
    found = list(copies(ec2, "describe_images", "Images", place(params, params.image), Owners=["self"]))
    if not found:
        every = ec2.pages("describe_images", "Images", Owners=["self"])
        wanted = (params.image, params.source_region)
        found = [item for item in every if (item.get("SourceImageId"), item.get("SourceImageRegion")) == wanted]
    all_copies = [
        _Copy(item["ImageId"], item.get("Name", ""), _seen(item), recovery_point(tags_of(item.get("Tags"))), item)
        for item in found
    ]
    order = sorted(all_copies, key=lambda copy: (copy.seen.state not in READY, copy.seen.state in TERMINAL, copy.id))
    return order[0] if order else None


def _seen(item: AwsAnswer) -> Seen:
    return Seen(item.get("State", ""), detail=(item.get("StateReason") or {}).get("Message", ""))


def _source(params: AmiCopyParams, context: ActionContext) -> AwsAnswer:
    there = client(params, context, "ec2", region=params.source_region)
    source = find_one(there, "describe_images", "Images", ImageIds=[params.image])
    if source is None:
        raise ActionFailedError(f"there is no image {params.image} in {params.source_region}")
    if source.get("State") not in READY:
        raise ActionFailedError(f"image {params.image} is {source.get('State')}, not available")
    return source


def _adds(params: AmiCopyParams, source: AwsAnswer) -> JsonObject:
    """Tell what a copy adds: the image, and a snapshot for each of its volumes."""
    volumes = sum("Ebs" in device for device in source.get("BlockDeviceMappings") or ())
    image = Addition(kind="ec2:Image", region=params.region, role=params.role)
    return additions(image, image.model_copy(update={"kind": "ec2:Snapshot", "count": volumes}))


def _made(source: AwsAnswer) -> datetime | None:
    text = str(source.get("CreationDate") or "")
    return as_utc(datetime.fromisoformat(text)) if text else None


def _copy(params: AmiCopyParams, context: ActionContext, ec2: AwsClient) -> str:
    source = _source(params, context)
    point = _made(source)
    tags = {SOURCE_TAG: place(params, params.image)}
    if point is not None:
        tags[POINT_TAG] = point.isoformat(timespec="seconds")
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
