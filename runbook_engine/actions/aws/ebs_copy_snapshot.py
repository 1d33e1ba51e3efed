"""aws.ebs_copy_snapshot: a volume's snapshot copied into the region, so that volumes can be made from it there."""

from collections.abc import Callable
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
)
from runbook_engine.actions.aws.waiting import Seen, in_words, refuse_terminal, wait_gone, wait_until
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
    Outputs,
    additions,
    satisfied,
    unsatisfied,
)

READY, TERMINAL = frozenset({"completed"}), frozenset({"error", "recoverable"})
HINT = "look at the snapshot's state message in EC2; delete it and run the step again"


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
        copy = _find(params, client(params, context, "ec2"))
        if copy is None:
            source = _source(params, context)
            taken = as_utc(source["StartTime"])
            words = f"snapshot {params.snapshot} of {params.source_region} is not in {params.region}"
            after = {"source": place(params, params.snapshot), "size": source.get("VolumeSize", 0)}
            change = Change(what=f"copy of snapshot {params.snapshot}", before=None, after=after)
            return unsatisfied(
                words,
                changes=(change,),
                recovery_point=taken,
                evidence=additions(Addition(kind="ec2:Snapshot", region=params.region, role=params.role)),
            )
        seen, point = _seen(copy), _point(copy)
        name = copy["SnapshotId"]
        refuse_terminal(f"snapshot {name}", seen, TERMINAL, hint=HINT)
        if seen.state not in READY:
            change = Change(what=f"snapshot {name} state", before=seen.state, after="completed")
            words = f"snapshot {name} is being copied ({in_words(seen)})"
            return unsatisfied(words, changes=(change,), recovery_point=point)
        outputs = {
            "snapshot": name,
            "source": place(params, params.snapshot),
            "size": copy.get("VolumeSize", 0),
            "recovery_point": point.isoformat() if point else "",
        }
        words = f"snapshot {name} is a copy of {params.snapshot} of {params.source_region}{age(point, context)}"
        return satisfied(words, outputs=outputs, recovery_point=point)

    def apply(self, params: EbsCopyParams, context: ActionContext) -> Applied:
        """Copy and wait."""
        ec2 = client(params, context, "ec2")
        copy = _find(params, ec2)
        name = _copy(params, context, ec2) if copy is None else str(copy["SnapshotId"])
        wait_until(params, context, _looks(ec2, name), what=f"copy {name}", ready=READY, terminal=TERMINAL, hint=HINT)
        return Applied(summary=f"copied snapshot {params.snapshot} to {params.region} as {name}")

    def revert(self, params: EbsCopyParams, context: ActionContext) -> Applied:
        """Delete the copy, if it is ours."""
        ec2 = client(params, context, "ec2")
        copy = _find(params, ec2)
        if copy is None:
            return Applied(summary=f"there is no copy of {params.snapshot}", changed=False)
        name, source = copy["SnapshotId"], place(params, params.snapshot)
        refuse_foreign(f"snapshot {name} in {params.region}", tags_of(copy.get("Tags")), source=source)
        ec2.call("delete_snapshot", SnapshotId=name)
        wait_gone(params, context, _looks(ec2, name), what=f"copy {name}")
        return Applied(summary=f"deleted snapshot {name}")


def _looks(ec2: AwsClient, name: str) -> Callable[[], Seen | None]:
    """Give a look at a snapshot."""

    def look() -> Seen | None:
        found = find_one(ec2, "describe_snapshots", "Snapshots", SnapshotIds=[name])
        return None if found is None else _seen(found)

    return look


def _find(params: EbsCopyParams, ec2: AwsClient) -> AwsAnswer | None:
    """Find a copy; one that is complete before one that is being made, and that before one that failed."""
    source = place(params, params.snapshot)
    found = list(copies(ec2, "describe_snapshots", "Snapshots", source, OwnerIds=["self"]))
    order = sorted(found, key=lambda item: (item["State"] not in READY, item["State"] in TERMINAL, item["SnapshotId"]))
    return order[0] if order else None


def _seen(item: AwsAnswer) -> Seen:
    text = str(item.get("Progress") or "").rstrip("%")
    percent = float(text) if text.replace(".", "", 1).isdigit() else None
    return Seen(item.get("State", ""), percent, item.get("StateMessage") or "")


def _point(item: AwsAnswer) -> datetime | None:
    return recovery_point(tags_of(item.get("Tags")))


def _source(params: EbsCopyParams, context: ActionContext) -> AwsAnswer:
    there = client(params, context, "ec2", region=params.source_region)
    source = find_one(there, "describe_snapshots", "Snapshots", SnapshotIds=[params.snapshot])
    if source is None:
        raise ActionFailedError(f"there is no snapshot {params.snapshot} in {params.source_region}")
    if source.get("State") not in READY:
        raise ActionFailedError(f"snapshot {params.snapshot} is {source.get('State')}, not completed")
    return source


def _copy(params: EbsCopyParams, context: ActionContext, ec2: AwsClient) -> str:
    source = _source(params, context)
    point = as_utc(source["StartTime"])
    tags = {SOURCE_TAG: place(params, params.snapshot), POINT_TAG: point.isoformat(timespec="seconds")}
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
