"""AWS Backup as values: recovery points and restore jobs."""

from dataclasses import dataclass
from datetime import datetime

from runbook_engine.actions.aws.marks import as_utc
from runbook_engine.actions.aws.waiting import Seen
from runbook_engine.sdk import AwsAnswer, AwsClient

# A partial recovery point lacks members of an application or of a Windows VSS backup.
USABLE = frozenset({"COMPLETED", "AVAILABLE"})
DONE = "COMPLETED"
TERMINAL = frozenset({"ABORTED", "FAILED"})


@dataclass(frozen=True, slots=True)
class Point:
    """A recovery point; `taken` is when its data is from."""

    arn: str
    resource: str
    kind: str
    status: str
    taken: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A restore job; `created` is the ARN of what it made."""

    id: str
    point: str
    status: str
    percent: float | None
    message: str
    created: str
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def seen(self) -> Seen:
        """How far it is."""
        return Seen(self.status, self.percent, self.message, {"created": self.created})


def recovery_points(backup: AwsClient, vault: str, resource: str | None) -> list[Point]:
    """List the recovery points of a vault, those with the newest data first."""
    items = backup.pages(
        "list_recovery_points_by_backup_vault", "RecoveryPoints", BackupVaultName=vault, ByResourceArn=resource
    )
    points = [_point(item) for item in items]
    return sorted(points, key=lambda point: point.taken, reverse=True)


def jobs_of(backup: AwsClient, point: str, since: datetime) -> list[Job]:
    """List the restore jobs of a recovery point that were begun since a time, the newest first."""
    items = [
        item
        for item in backup.pages("list_restore_jobs", "RestoreJobs", ByCreatedAfter=since)
        if item.get("RecoveryPointArn") == point
    ]
    items.sort(key=lambda item: as_utc(item["CreationDate"]), reverse=True)
    return [_job(item) for item in items]


def find_job(backup: AwsClient, name: str) -> Job:
    """Describe a restore job."""
    return _job(backup.call("describe_restore_job", RestoreJobId=name))


def _point(item: AwsAnswer) -> Point:
    return Point(
        arn=item["RecoveryPointArn"],
        resource=item.get("ResourceArn", ""),
        kind=item.get("ResourceType", ""),
        status=item.get("Status", ""),
        taken=as_utc(item["CreationDate"]),
    )


def _job(item: AwsAnswer) -> Job:
    began, ended = item.get("CreationDate"), item.get("CompletionDate")
    text = str(item.get("PercentDone") or "").rstrip("%")
    return Job(
        id=item["RestoreJobId"],
        point=item.get("RecoveryPointArn", ""),
        status=item.get("Status", ""),
        percent=float(text) if text.replace(".", "", 1).isdigit() else None,
        message=item.get("StatusMessage") or "",
        created=item.get("CreatedResourceArn") or "",
        began=as_utc(began) if began is not None else None,
        ended=as_utc(ended) if ended is not None else None,
    )
