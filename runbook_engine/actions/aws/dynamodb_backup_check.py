"""aws.dynamodb_backup_check: a DynamoDB table can be restored in the region, from data that is fresh enough."""

from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.dynamodb_tables import point_in_time
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.freshness import judged_by_age, or_earlier
from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    AwsClient,
    AwsError,
    Finding,
    Outputs,
    PositiveDuration,
)


class DynamodbBackupParams(AwsParams):
    """Which table, and how it is backed up."""

    table: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$", description="name of the table", examples=["orders"])
    method: Literal["backup", "point_in_time"] = Field(
        "backup", description="an on-demand backup (or AWS Backup's), or the table's point-in-time recovery"
    )
    before: AwareDatetime | None = Field(
        None,
        description="with `backup`: only data from then (with its zone) or earlier counts",
        examples=["2026-11-23T08:40:00Z"],
    )
    max_age: PositiveDuration | None = Field(None, description="greatest age of its data", examples=["24h"])

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        if self.before is not None and self.method != "backup":
            raise ValueError("before chooses among backups; a point in time is aws.dynamodb_restore's to choose")
        return self


class DynamodbBackupOutputs(Outputs):
    """What can be restored."""

    backup: str = Field("", description="ARN of the backup; empty with point_in_time")
    bytes: int = Field(0, description="its size as DynamoDB gives it, hours old; 0 with point_in_time")
    recovery_point: str = Field("", description="the newest time that its data can be of, UTC")


class DynamodbBackupCheck(Action[DynamodbBackupParams]):
    """Verify that a DynamoDB table's data can be restored in the region, and is fresh enough.

    check: chooses the newest available backup of the table, or asks for its latest restorable time; none, a table
    without point-in-time recovery, and data that is older than max_age fail the step. It asks this region only: backups
    stay in their region, so for another one the table needs a replica there (a global table) with backups of its own,
    or AWS Backup's copies. That the data is right, only a restore shows.
    """

    name = "aws.dynamodb_backup_check"
    eventual = True
    aws_reads = ("dynamodb:ListBackups", "dynamodb:DescribeContinuousBackups")
    duration = "seconds"
    tested = ("moto", "ministack")
    Params = DynamodbBackupParams
    Outputs = DynamodbBackupOutputs
    example: ClassVar[str] = """\
aws.dynamodb_backup_check:
  table: orders
  region: eu-west-1
  max_age: 24h
"""

    def check(self, params: DynamodbBackupParams, context: ActionContext) -> Finding:
        """Choose the backup, or ask for the time, and compare its age."""
        dynamodb = client(params, context, "dynamodb")
        if params.method == "point_in_time":
            point = _latest(params, dynamodb)
            words = f"table {params.table} can be restored to a point in time in {params.region}"
            return judged_by_age(words, point, context, max_age=params.max_age, outputs={})
        found = [
            (as_utc(item["BackupCreationDateTime"]), item)
            for item in dynamodb.pages("list_backups", "BackupSummaries", TableName=params.table, BackupType="ALL")
            if item["BackupStatus"] == "AVAILABLE"
        ]
        in_time = [(taken, item) for taken, item in found if params.before is None or taken <= params.before]
        if not in_time:
            raise ActionFailedError(
                f"there is no available backup of table {params.table} in {params.region}{or_earlier(params.before)}",
                hint="look at the region's backup plan; a backup stays in the region of its table",
            )
        taken, item = max(in_time, key=lambda one: one[0])
        outputs = {"backup": item["BackupArn"], "bytes": int(item.get("BackupSizeBytes") or 0)}
        words = f"backup {item['BackupName']} of table {params.table} is available in {params.region}"
        return judged_by_age(words, taken, context, max_age=params.max_age, outputs=outputs)


def _latest(params: DynamodbBackupParams, dynamodb: AwsClient) -> datetime:
    """Give the latest time that the table can be restored to.

    Raises:
        ActionFailedError: it can't be.
    """
    try:
        window = point_in_time(dynamodb, params.table)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND:
            raise
        raise ActionFailedError(f"there is no table {params.table} in {params.region}") from error
    latest = window.get("LatestRestorableDateTime")
    if window.get("PointInTimeRecoveryStatus") != "ENABLED" or latest is None:
        raise ActionFailedError(
            f"table {params.table} in {params.region} has no point-in-time recovery", hint="turn it on for the table"
        )
    return as_utc(latest)
