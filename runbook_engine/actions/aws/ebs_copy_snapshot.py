"""aws.ebs_copy_snapshot: a volume's snapshot copied into the region, so that volumes can be made from it there."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.ec2_copies import (
    CopyKind,
    CopyParams,
    await_copy,
    await_gone,
    find_copy,
    find_source,
    place,
    refuse_foreign_copy,
    specification,
    standing,
    tags_for,
)
from runbook_engine.actions.aws.marks import as_utc
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
    Outputs,
    additions,
    unsatisfied,
)


class EbsCopyParams(CopyParams):
    """Which snapshot."""

    snapshot: str = Field(
        pattern=r"^snap-[0-9a-f]+$", description="id of the snapshot there", examples=["snap-0123456789abcdef0"]
    )


class EbsCopyOutputs(Outputs):
    """The copy."""

    snapshot: str = Field("", description="id of the copy")
    source: str = Field("", description="region and id of the snapshot that it is a copy of")
    size: int = Field(0, description="size of the volume, in GiB")
    recovery_point: str = Field("", description="the time its data is from, UTC")


def _seen(item: AwsAnswer) -> Seen:
    text = str(item.get("Progress") or "").rstrip("%")
    percent = float(text) if text.replace(".", "", 1).isdigit() else None
    return Seen(item.get("State", ""), percent, item.get("StateMessage") or "")


def _taken(source: AwsAnswer) -> datetime | None:
    return as_utc(source["StartTime"])


SNAPSHOT = CopyKind(
    noun="snapshot",
    identity="SnapshotId",
    owner="OwnerIds",
    ready="completed",
    terminal=frozenset({"error", "recoverable"}),
    hint="look at the snapshot's state message in EC2; delete it and run the step again",
    seen=_seen,
    made=_taken,
)


class EbsCopySnapshot(Action[EbsCopyParams]):
    """Copy a volume's snapshot into another region.

    check: looks in the region for a copy of the same snapshot, by its tags. It asks the source region only when there
    is none. A copy that failed, and a snapshot that is not there, fail the step, in a dry run too.
    apply: copies, or goes on waiting for a copy that has begun; EC2 takes no token here, so the tags, which the copy
    has from the first moment, tell that it is begun.
    revert: deletes the copy if its tags say that it is ours.
    """

    name = "aws.ebs_copy_snapshot"
    eventual = True
    aws_reads = ("ec2:DescribeSnapshots",)
    aws_writes = ("ec2:CopySnapshot", "ec2:DeleteSnapshot")
    aws_permissions = ("ec2:CreateTags", "kms:CreateGrant", "kms:DescribeKey")
    aws_adds = ("ec2:Snapshot",)
    duration = "minutes to hours, by size; the first copy is a full one"
    tested = ("moto, amended",)
    Params = EbsCopyParams
    Outputs = EbsCopyOutputs
    example: ClassVar[str] = """\
aws.ebs_copy_snapshot:
  source_region: us-east-1
  snapshot: snap-0123456789abcdef0
  region: eu-west-1
"""

    def check(self, params: EbsCopyParams, context: ActionContext) -> Finding:
        """Look for the copy; when there is none, at the snapshot."""
        copy = find_copy(SNAPSHOT, params, client(params, context, "ec2"), params.snapshot)
        if copy is not None:
            return standing(SNAPSHOT, params, context, copy, params.snapshot, size=copy.get("VolumeSize", 0))
        source = find_source(SNAPSHOT, params, context, params.snapshot)
        words = f"snapshot {params.snapshot} of {params.source_region} is not in {params.region}"
        after = {"source": place(params, params.snapshot), "size": source.get("VolumeSize", 0)}
        change = Change(what=f"copy of snapshot {params.snapshot}", before=None, after=after)
        adds = additions(Addition(kind="ec2:Snapshot", region=params.region, role=params.role))
        return unsatisfied(words, changes=(change,), recovery_point=_taken(source), evidence=adds)

    def apply(self, params: EbsCopyParams, context: ActionContext) -> Applied:
        """Copy and wait."""
        ec2 = client(params, context, "ec2")
        copy = find_copy(SNAPSHOT, params, ec2, params.snapshot)
        name = _copy(params, context, ec2) if copy is None else str(copy["SnapshotId"])
        await_copy(SNAPSHOT, params, context, ec2, name)
        return Applied(summary=f"copied snapshot {params.snapshot} to {params.region} as {name}")

    def revert(self, params: EbsCopyParams, context: ActionContext) -> Applied:
        """Delete the copy, if it is ours."""
        ec2 = client(params, context, "ec2")
        copy = find_copy(SNAPSHOT, params, ec2, params.snapshot)
        if copy is None:
            return Applied(summary=f"there is no copy of {params.snapshot}", changed=False)
        refuse_foreign_copy(SNAPSHOT, params, copy, params.snapshot)
        ec2.call("delete_snapshot", SnapshotId=copy["SnapshotId"])
        await_gone(SNAPSHOT, params, context, ec2, str(copy["SnapshotId"]))
        return Applied(summary=f"deleted snapshot {copy['SnapshotId']}")


def _copy(params: EbsCopyParams, context: ActionContext, ec2: AwsClient) -> str:
    source = find_source(SNAPSHOT, params, context, params.snapshot)
    tags = tags_for(SNAPSHOT, params, source, params.snapshot)
    context.progress(f"copying snapshot {params.snapshot} to {params.region}")
    answer = ec2.call(
        "copy_snapshot",
        SourceSnapshotId=params.snapshot,
        SourceRegion=params.source_region,
        Description=f"copy of {params.snapshot} of {params.source_region}, run {context.run.id}"[:255],
        Encrypted=True if params.kms_key else None,
        KmsKeyId=params.kms_key,
        TagSpecifications=[specification("snapshot", params, context, tags)],
    )
    return str(answer["SnapshotId"])
