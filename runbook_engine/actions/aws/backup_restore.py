"""aws.backup_restore: a recovery point of AWS Backup restored, whatever kind of resource it is of."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.backup_jobs import (
    DONE,
    TERMINAL,
    USABLE,
    Job,
    Point,
    find_job,
    jobs_of,
    recovery_points,
)
from runbook_engine.actions.aws.common import ROLE, PolledParams, client
from runbook_engine.actions.aws.marks import age, token
from runbook_engine.actions.aws.rds_restore_params import LATEST
from runbook_engine.actions.aws.removable import by_arn
from runbook_engine.actions.aws.waiting import Seen, in_words, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    Change,
    Finding,
    Outputs,
    PositiveDuration,
    satisfied,
    unsatisfied,
)

KEPT = timedelta(days=30)  # how long AWS Backup lists jobs


class BackupParams(PolledParams):
    """What to restore, and how it shall be different."""

    vault: str = Field(min_length=1, description="backup vault of the region", examples=["dr-copies"])
    recovery_point: str = Field(
        min_length=1,
        description="ARN of a recovery point, or `latest`: the one with the newest data",
        examples=[
            "latest",
            "arn:aws:backup:eu-west-1:123456789012:recovery-point:1EB3B5E7-9EB0-435A-A80B-108B488B0D45",
        ],
    )
    resource: str | None = Field(
        None,
        pattern=r"^arn:",
        description="ARN of the resource that was backed up; needed with `latest`",
        examples=["arn:aws:ec2:us-east-1:123456789012:volume/vol-0123456789abcdef0"],
    )
    iam_role: str = Field(
        pattern=ROLE,
        description="role that AWS Backup restores with",
        examples=["arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole"],
    )
    metadata: dict[str, str | None] = Field(
        {},
        description="changes of the recovery point's restore metadata, whose keys differ by resource type; null leaves "
        "a key out",
        examples=[{"DBInstanceIdentifier": "reviews-dr", "DBSubnetGroupName": "standby"}],
    )
    reuse: PositiveDuration = Field(
        timedelta(days=1),
        description="a restore of the same recovery point that was completed within that time counts as this one",
        examples=["1d", "10m"],
    )

    @model_validator(mode="after")
    def _latest_of_what(self) -> Self:
        if self.recovery_point == LATEST and self.resource is None:
            raise ValueError("recovery_point: latest needs resource, the resource whose recovery points to look at")
        return self


class BackupOutputs(Outputs):
    """What was restored."""

    job: str = Field("", description="id of the restore job")
    created: str = Field("", description="ARN of the restored resource")
    source: str = Field("", description="ARN of the recovery point")
    recovery_point: str = Field("", description="the time its data is from, UTC")


class BackupRestore(Action[BackupParams]):
    """Restore a recovery point of AWS Backup.

    check: a restore job of the recovery point was completed within `reuse`, and what it made is still there. AWS Backup
    does not tell that: a table, volume, instance or DB instance is looked for, of other kinds it is not known. A
    recovery point that is not there or not complete fails the step, in a dry run too.
    apply: starts a job with the attempt's own token, which AWS Backup answers with the same job however often it is
    asked, or goes on waiting for a job that has begun. The restore metadata is the recovery point's own, changed as the
    step says. A job that fails or is aborted fails the step with AWS Backup's words.
    """

    name = "aws.backup_restore"
    reversible = False
    eventual = True
    aws_reads = (
        "backup:ListRecoveryPointsByBackupVault",
        "backup:ListRestoreJobs",
        "backup:DescribeRestoreJob",
        "backup:GetRecoveryPointRestoreMetadata",
        "dynamodb:DescribeTable",
        "dynamodb:ListTagsOfResource",
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "rds:DescribeDBInstances",
    )
    aws_writes = ("backup:StartRestoreJob",)
    aws_permissions = ("iam:PassRole",)
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {"iam": ("{iam_role}",)}
    duration = "10 min to hours, by kind of resource and size"
    tested = ("model",)
    Params = BackupParams
    Outputs = BackupOutputs
    example: ClassVar[str] = """\
aws.backup_restore:
  vault: dr-copies
  recovery_point: latest
  resource: arn:aws:ec2:us-east-1:123456789012:volume/vol-0123456789abcdef0
  iam_role: arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole
  metadata: {availabilityZone: eu-west-1a}
  region: eu-west-1
"""

    def check(self, params: BackupParams, context: ActionContext) -> Finding:
        """Look for the recovery point and for a job of it."""
        backup = client(params, context, "backup")
        point = _choose(params, backup)
        job = _begun(params, context, backup, point)
        if job is None:
            metadata = _metadata(params, backup, point)
            return unsatisfied(
                f"{point.kind} of {point.taken.isoformat()} is not restored{age(point.taken, context)}",
                changes=(Change(what=f"restore of {point.resource or point.arn}", before=None, after=dict(metadata)),),
                recovery_point=point.taken,
            )
        if job.status != DONE:
            change = Change(what=f"job {job.id}", before=job.status, after=DONE)
            words = f"job {job.id} is at it ({in_words(job.seen)})"
            return unsatisfied(words, changes=(change,), recovery_point=point.taken)
        outputs = {
            "job": job.id,
            "created": job.created,
            "source": point.arn,
            "recovery_point": point.taken.isoformat(),
        }
        words = f"job {job.id} restored {job.created or point.kind}{age(point.taken, context)}"
        return satisfied(words, outputs=outputs, recovery_point=point.taken)

    def apply(self, params: BackupParams, context: ActionContext) -> Applied:
        """Start a job, and wait."""
        backup = client(params, context, "backup")
        point = _choose(params, backup)
        job = _begun(params, context, backup, point)
        name = _start(params, context, backup, point) if job is None else job.id

        def look() -> Seen:
            return find_job(backup, name).seen

        hint = "look at the job in AWS Backup; mend the metadata or the role, then run the step again"
        seen = wait_until(params, context, look, what=f"job {name}", ready={DONE}, terminal=TERMINAL, hint=hint)
        outputs = {"job": name, "created": seen.item["created"]}
        return Applied(summary=f"restored {seen.item['created'] or point.kind}", outputs=outputs)


def _choose(params: BackupParams, backup: AwsClient) -> Point:
    """Find the recovery point.

    Raises:
        ActionFailedError: there is none that could be restored.
    """
    points = recovery_points(backup, params.vault, params.resource)
    if params.recovery_point == LATEST:
        points = [point for point in points if point.status in USABLE]
    else:
        points = [point for point in points if point.arn == params.recovery_point]
    if not points:
        what = params.resource if params.recovery_point == LATEST else params.recovery_point
        raise ActionFailedError(
            f"there is no recovery point {'of ' if params.recovery_point == LATEST else ''}{what} in vault "
            f"{params.vault} of {params.region}",
            hint="recovery points must be copied to the standby region beforehand; look at the backup plan",
        )
    point = points[0]
    if point.status not in USABLE:
        raise ActionFailedError(f"recovery point {point.arn} is {point.status}, not complete")
    return point


def _begun(params: BackupParams, context: ActionContext, backup: AwsClient, point: Point) -> Job | None:
    """Find a job that counts: one that is done, or else one that is at it."""
    now = context.clock.now()
    jobs = jobs_of(backup, point.arn, now - KEPT)
    live = [
        job for job in jobs if job.status not in TERMINAL and (job.ended is None or now - job.ended <= params.reuse)
    ]
    there = [job for job in live if job.status != DONE or not _is_gone(params, context, job)]
    return next((job for job in there if job.status == DONE), there[0] if there else None)


def _is_gone(params: BackupParams, context: ActionContext, job: Job) -> bool:
    """Whether what a job made is known to be there no more."""
    found = by_arn(job.created) if job.created else None
    if found is None:
        return False
    kind, identifier = found
    return kind.find(client(params, context, kind.service), identifier) is None


def _metadata(params: BackupParams, backup: AwsClient, point: Point) -> dict[str, str]:
    """Give what the restore is told: the recovery point's own metadata, changed."""
    answer = backup.call(
        "get_recovery_point_restore_metadata", BackupVaultName=params.vault, RecoveryPointArn=point.arn
    )
    changed = {**(answer.get("RestoreMetadata") or {}), **params.metadata}
    return {key: value for key, value in changed.items() if value is not None}


def _start(params: BackupParams, context: ActionContext, backup: AwsClient, point: Point) -> str:
    context.progress(f"restoring {point.kind} of {point.taken.isoformat()}")
    answer = backup.call(
        "start_restore_job",
        RecoveryPointArn=point.arn,
        Metadata=_metadata(params, backup, point),
        IamRoleArn=params.iam_role,
        IdempotencyToken=token(context),
        ResourceType=point.kind or None,
    )
    return str(answer["RestoreJobId"])
