"""aws.ebs_snapshot_check: a volume's snapshot is in the region, complete, and its data is fresh enough."""

from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.ec2_backups import BackupCheckParams, Kept, choose, kept
from runbook_engine.actions.aws.freshness import judged_by_age
from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.sdk import Action, ActionContext, AwsClient, Finding, JsonValue, Outputs


class EbsCheckParams(BackupCheckParams):
    """Which snapshots."""

    tags: dict[str, str] = Field(
        min_length=1,
        description="tags that they carry, in both regions; a copy's volume is not its original's",
        examples=[{"app": "reviews", "volume": "attachments"}],
    )


class EbsCheckOutputs(Outputs):
    """The snapshot."""

    snapshot: str = Field("", description="its id")
    source: str = Field("", description="id of the snapshot that it is a copy of; empty when it is none or not known")
    size: int = Field(0, description="size of the volume, in GiB")
    recovery_point: str = Field("", description="the time that its data is from, UTC")


class EbsSnapshotCheck(Action[EbsCheckParams]):
    """Verify that a volume's snapshot is there to be restored, and fresh enough.

    check: chooses among the complete snapshots with these tags the one with the newest data; none, and data that is
    older than max_age, fail the step. A copy counts from when its original was made, as far as a tag of ours or the
    source region says so; else from its own time, and that is told. What it is a copy of, its tag `dr:source` or the id
    in its description says. That the data is right, `aws.ebs_snapshot_compare` or a restore shows.
    """

    name = "aws.ebs_snapshot_check"
    eventual = True
    aws_reads = ("ec2:DescribeSnapshots",)
    duration = "seconds"
    tested = ("moto",)
    Params = EbsCheckParams
    Outputs = EbsCheckOutputs
    example: ClassVar[str] = """\
aws.ebs_snapshot_check:
  tags: {app: reviews}
  region: eu-west-1
  source_region: us-east-1
  max_age: 24h
"""

    def check(self, params: EbsCheckParams, context: ActionContext) -> Finding:
        """Choose the snapshot and compare its age."""
        tags = ", ".join(f"{key}={value}" for key, value in params.tags.items())
        choice = choose(
            params,
            context,
            partial(_snapshots, params),
            ready="completed",
            what=f"complete snapshot tagged {tags}",
            hint="look at the region's backup plan",
        )
        found = choice.kept
        words = f"snapshot {found.id} is complete in {params.region}{choice.note}"
        outputs: dict[str, JsonValue] = {
            "snapshot": found.id,
            "source": found.origin,
            "size": int(found.item.get("VolumeSize", 0)),
        }
        return judged_by_age(words, choice.taken, context, max_age=params.max_age, outputs=outputs)


def _snapshots(params: EbsCheckParams, ec2: AwsClient) -> Iterator[Kept]:
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in params.tags.items()]
    for item in ec2.pages("describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=filters):
        yield kept(item, "SnapshotId", as_utc(item["StartTime"]))
