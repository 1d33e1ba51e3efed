"""aws.rds_snapshot_check: a database snapshot is there to be restored, and its data is fresh enough."""

from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.freshness import judged_by_age
from runbook_engine.actions.aws.rds_restore_params import LATEST
from runbook_engine.actions.aws.rds_snapshots import choose_snapshot
from runbook_engine.sdk import (
    Action,
    ActionContext,
    Finding,
    Outputs,
    PositiveDuration,
)


class RdsSnapshotParams(AwsParams):
    """Which snapshot, and how good it must be."""

    source_instance: str = Field(min_length=1, description="the instance that the snapshot is of", examples=["reviews"])
    snapshot: str = Field(
        LATEST,
        min_length=1,
        description="its id in the region, or `latest`: the available one with the newest data",
        examples=["reviews-2026-11-23"],
    )
    before: AwareDatetime | None = Field(
        None,
        description="with `latest`: only data from then (with its zone) or earlier counts",
        examples=["2026-11-23T08:40:00Z"],
    )
    max_age: PositiveDuration | None = Field(None, description="greatest age of its data", examples=["24h"])

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        if self.before is not None and self.snapshot != LATEST:
            raise ValueError("before chooses among snapshots; leave it out, or leave snapshot at latest")
        return self


class RdsSnapshotOutputs(Outputs):
    """The snapshot."""

    snapshot: str = Field("", description="its id")
    arn: str = Field("", description="its ARN")
    recovery_point: str = Field("", description="the time its data is from, UTC")


class RdsSnapshotCheck(Action[RdsSnapshotParams]):
    """Verify that a database snapshot is there to be restored, and fresh enough.

    check: chooses the snapshot, which must be of the instance and available; one whose data is older than max_age
    fails the step. Data counts from when the original snapshot was taken, however often it was copied since.
    It asks this region only. That the data is right, only a restore shows.
    """

    name = "aws.rds_snapshot_check"
    eventual = True
    aws_reads = ("rds:DescribeDBSnapshots",)
    duration = "seconds"
    tested = ("moto",)
    Params = RdsSnapshotParams
    Outputs = RdsSnapshotOutputs
    example: ClassVar[str] = """\
aws.rds_snapshot_check:
  source_instance: reviews
  region: eu-west-1
  max_age: 24h
"""

    def check(self, params: RdsSnapshotParams, context: ActionContext) -> Finding:
        """Choose the snapshot and compare its age."""
        rds = client(params, context, "rds")
        found = choose_snapshot(rds, params.region, params.snapshot, params.source_instance, before=params.before)
        words = f"{found.name} is available in {params.region}"
        outputs = {"snapshot": found.name, "arn": found.arn}
        return judged_by_age(words, found.taken, context, max_age=params.max_age, outputs=outputs)
