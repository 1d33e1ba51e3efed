"""aws.backup_check: a vault of AWS Backup holds a recovery point of a resource that is complete and fresh enough."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.backup_jobs import USABLE, recovery_points
from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.freshness import judged_by_age
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    AwsError,
    Finding,
    Outputs,
    PositiveDuration,
)


class BackupCheckParams(AwsParams):
    """Which vault, what of, and how fresh."""

    vault: str = Field(min_length=1, description="backup vault of the region", examples=["dr-copies"])
    resource: str = Field(
        pattern=r"^arn:",
        description="ARN of the resource that was backed up, in its own region",
        examples=["arn:aws:dynamodb:us-east-1:123456789012:table/orders"],
    )
    max_age: PositiveDuration | None = Field(None, description="greatest age of its data", examples=["24h"])


class BackupCheckOutputs(Outputs):
    """The recovery point."""

    arn: str = Field("", description="its ARN")
    kind: str = Field("", description="AWS Backup's word for the kind of resource", examples=["DynamoDB", "EBS"])
    recovery_point: str = Field("", description="the time that AWS Backup gives it, UTC")


class BackupCheck(Action[BackupCheckParams]):
    """Verify that AWS Backup has a recovery point of a resource in the region, and a fresh one.

    check: chooses the newest complete recovery point in the vault; none, and one that is older than max_age, fail the
    step. A partial one does not count. It counts from the creation date that AWS Backup gives it, and asks this
    region's vault only. That it can be restored, only a restore shows (`aws.backup_restore`).
    """

    name = "aws.backup_check"
    eventual = True
    aws_reads = ("backup:ListRecoveryPointsByBackupVault",)
    duration = "seconds"
    tested = ("model",)
    Params = BackupCheckParams
    Outputs = BackupCheckOutputs
    example: ClassVar[str] = """\
aws.backup_check:
  vault: dr-copies
  resource: arn:aws:dynamodb:us-east-1:123456789012:table/orders
  region: eu-west-1
  max_age: 24h
"""

    def check(self, params: BackupCheckParams, context: ActionContext) -> Finding:
        """Choose the recovery point and compare its age."""
        try:
            points = recovery_points(client(params, context, "backup"), params.vault, params.resource)
        except AwsError as error:
            if trouble(error) is not Trouble.NOT_FOUND:
                raise
            raise ActionFailedError(f"there is no backup vault {params.vault} in {params.region}") from error
        usable = [point for point in points if point.status in USABLE]
        if not usable:
            states = ", ".join(sorted({point.status for point in points}))
            raise ActionFailedError(
                f"vault {params.vault} of {params.region} has no complete recovery point of {params.resource}",
                hint=f"there are some that are {states}" if states else "look at the backup plan and its copy rules",
            )
        point = usable[0]
        words = f"{point.kind or 'a'} recovery point is complete in vault {params.vault} of {params.region}"
        outputs = {"arn": point.arn, "kind": point.kind}
        return judged_by_age(words, point.taken, context, max_age=params.max_age, outputs=outputs)
