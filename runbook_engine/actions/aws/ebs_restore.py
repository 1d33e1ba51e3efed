"""aws.ebs_restore: a volume made from a snapshot, attached to nothing."""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.ec2_copies import find_one
from runbook_engine.actions.aws.ec2_volumes import (
    READY,
    TERMINAL,
    USED,
    Volume,
    find_volume,
    find_volumes,
)
from runbook_engine.actions.aws.marks import (
    age,
    as_utc,
    marks,
    recovery_point,
    refuse_reserved,
    tag_list,
    tags_of,
    token,
)
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_gone, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsAnswer,
    AwsClient,
    Change,
    Finding,
    JsonValue,
    Outputs,
    satisfied,
    unsatisfied,
)

HINT = "delete it (its snapshot remains) and run the step again"


class EbsRestoreParams(PolledParams):
    """From what, and what the volume shall be like."""

    snapshot: str = Field(
        pattern=r"^snap-[0-9a-f]+$", description="id of the snapshot in the region", examples=["snap-0123456789abcdef0"]
    )
    name: str = Field(
        pattern=r"^[A-Za-z0-9_.:/=+@-]{1,128}$",
        description="name of this restore in the region, by which its volume is found again",
        examples=["attachments-verify"],
    )
    zone: str = Field(min_length=3, description="availability zone", examples=["eu-west-1a"])
    volume_type: str = Field("gp3", description="its type", examples=["gp3", "io2"])
    kms_key: str | None = Field(
        None, description="KMS key to encrypt it with; default: the snapshot's, or the region's", examples=["alias/dr"]
    )
    point: AwareDatetime | None = Field(
        None,
        description="time that the data is from, such as the output `recovery_point` of aws.ebs_snapshot_check; "
        "default: by the snapshot",
        examples=["2026-11-23T08:40:00Z"],
    )
    tags: dict[str, str] = Field({}, description="tags besides `Name` and those that tell where it comes from")

    @model_validator(mode="after")
    def _own_tags(self) -> Self:
        refuse_reserved(self.tags)
        return self


class EbsRestoreOutputs(Outputs):
    """The volume."""

    volume: str = Field("", description="its id")
    size: int = Field(0, description="its size, in GiB")
    zone: str = Field("", description="its availability zone")
    encrypted: bool = Field(default=False, description="whether it is encrypted")
    recovery_point: str = Field("", description="the time that its data is from, UTC; empty when not known")


class EbsRestore(Action[EbsRestoreParams]):
    """Make a volume from a snapshot, and attach it to nothing.

    check: a volume that carries the restore's name and our marks is available (or in use), made from this snapshot. One
    made from another snapshot, and one in a state that does not end by itself, fail the step, in a dry run too.
    apply: makes it, with the attempt's own token, or goes on waiting for one that is being made.
    revert: deletes it, unless it is in use.
    What this proves is that the snapshot can be made a volume of its size, with its key. EC2 loads the data later,
    block by block: that it is right, `aws.ebs_snapshot_compare`, or an instance that mounts it, shows.
    """

    name = "aws.ebs_restore"
    eventual = True
    aws_reads = ("ec2:DescribeVolumes", "ec2:DescribeSnapshots")
    aws_writes = ("ec2:CreateVolume", "ec2:DeleteVolume")
    aws_permissions = ("ec2:CreateTags", "kms:CreateGrant", "kms:DescribeKey")
    duration = "seconds; its data is loaded as it is read"
    tested = ("moto, amended",)
    Params = EbsRestoreParams
    Outputs = EbsRestoreOutputs
    example: ClassVar[str] = """\
aws.ebs_restore:
  snapshot: snap-0123456789abcdef0
  name: attachments-verify
  zone: eu-west-1a
  region: eu-west-1
"""

    def check(self, params: EbsRestoreParams, context: ActionContext) -> Finding:
        """Look for the volume; when there is none, at the snapshot."""
        ec2 = client(params, context, "ec2")
        volume = _find(params, ec2)
        if volume is None:
            snapshot = _snapshot(params, ec2)
            change = Change(
                what=f"volume {params.name}",
                before=None,
                after={"snapshot": params.snapshot, "size": snapshot.get("VolumeSize", 0), "zone": params.zone},
            )
            words = f"there is no volume {params.name}; it would be made from {params.snapshot}"
            return unsatisfied(words, changes=(change,), recovery_point=_point(params, snapshot))
        what = f"volume {volume.id} ({params.name})"
        refuse_terminal(what, volume.seen, TERMINAL, hint=HINT)
        point = volume.recovery_point
        if volume.state not in READY | USED:
            change = Change(what=f"{what} state", before=volume.state, after="available")
            return unsatisfied(f"{what} is {volume.state}", changes=(change,), recovery_point=point)
        outputs: dict[str, JsonValue] = {
            "volume": volume.id,
            "size": volume.size,
            "zone": volume.zone,
            "encrypted": volume.encrypted,
            "recovery_point": point.isoformat() if point else "",
        }
        words = f"{what} is {volume.state}, {volume.size} GiB from {params.snapshot}{age(point, context)}"
        return satisfied(words, outputs=outputs, recovery_point=point)

    def apply(self, params: EbsRestoreParams, context: ActionContext) -> Applied:
        """Make it and wait."""
        ec2 = client(params, context, "ec2")
        volume = _find(params, ec2)
        made = _make(params, context, ec2) if volume is None else volume.id

        def look() -> Seen | None:
            found = find_volume(ec2, made)
            return None if found is None else found.seen

        what = f"volume {made}"
        wait_until(params, context, look, what=what, ready=READY | USED, terminal=TERMINAL, hint=HINT)
        return Applied(summary=f"made {what} ({params.name}) from {params.snapshot}")

    def revert(self, params: EbsRestoreParams, context: ActionContext) -> Applied:
        """Delete it, if nothing uses it."""
        ec2 = client(params, context, "ec2")
        volume = _find(params, ec2)
        if volume is None:
            return Applied(summary=f"there is no volume {params.name}", changed=False)
        if volume.state in USED:
            raise ActionFailedError(
                f"volume {volume.id} ({params.name}) is attached; it is left alone", hint="detach it yourself"
            )
        ec2.call("delete_volume", VolumeId=volume.id)

        def look() -> Seen | None:
            left = find_volume(ec2, volume.id)
            return None if left is None else left.seen

        wait_gone(params, context, look, what=f"volume {volume.id}")
        return Applied(summary=f"deleted volume {volume.id} ({params.name})")


def _find(params: EbsRestoreParams, ec2: AwsClient) -> Volume | None:
    """Find the volume.

    Raises:
        ActionFailedError: one of this name is made from another snapshot, or there are several.
    """
    found = find_volumes(ec2, params.name)
    others = [f"{one.id} of {one.snapshot}" for one in found if one.snapshot != params.snapshot]
    if others or len(found) > 1:
        which = ", ".join(others or [one.id for one in found])
        wanted = f"from another snapshot than {params.snapshot}" if others else "more than one"
        raise ActionFailedError(
            f"there are volumes {params.name} {wanted}: {which}; they are left alone",
            hint="delete them yourself, or choose another name",
        )
    return found[0] if found else None


def _snapshot(params: EbsRestoreParams, ec2: AwsClient) -> AwsAnswer:
    """Describe the snapshot.

    Raises:
        ActionFailedError: no volume can be made from it.
    """
    found = find_one(ec2, "describe_snapshots", "Snapshots", SnapshotIds=[params.snapshot])
    if found is None:
        raise ActionFailedError(f"there is no snapshot {params.snapshot} in {params.region}")
    if found.get("State") != "completed":
        raise ActionFailedError(f"snapshot {params.snapshot} is {found.get('State')}, not completed")
    return found


def _point(params: EbsRestoreParams, snapshot: AwsAnswer) -> datetime:
    """Give the time that the data is from: as the step says, or by the snapshot's tag, or its own."""
    if params.point is not None:
        return as_utc(params.point)
    return recovery_point(tags_of(snapshot.get("Tags"))) or as_utc(snapshot["StartTime"])


def _make(params: EbsRestoreParams, context: ActionContext, ec2: AwsClient) -> str:
    point = _point(params, _snapshot(params, ec2))
    ours = marks(context, point=point, source=f"{params.region}/{params.snapshot}", volume=params.name)
    context.progress(f"making a volume from {params.snapshot}")
    answer = ec2.call(
        "create_volume",
        SnapshotId=params.snapshot,
        AvailabilityZone=params.zone,
        VolumeType=params.volume_type,
        Encrypted=True if params.kms_key else None,
        KmsKeyId=params.kms_key,
        ClientToken=token(context),
        TagSpecifications=[{"ResourceType": "volume", "Tags": tag_list({"Name": params.name, **params.tags, **ours})}],
    )
    return str(answer["VolumeId"])
