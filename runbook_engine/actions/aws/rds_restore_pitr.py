"""aws.rds_restore_pitr: a database instance restored to a point in time."""

from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.marks import as_utc, marks, refuse_foreign, tag_list
from runbook_engine.actions.aws.rds import Instance, find_instance
from runbook_engine.actions.aws.rds_instances import make, restore, restored, take_back
from runbook_engine.actions.aws.rds_restore_params import NewInstanceParams
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsClient,
    Change,
    Finding,
    Outputs,
    additions,
    unsatisfied,
)

BACKUPS = r"^arn:[a-z-]+:rds:[a-z0-9-]+:\d{12}:auto-backup:.+$"


class RdsPitrParams(NewInstanceParams):
    """What to restore, to which time."""

    source_instance: str | None = Field(
        None, description="instance of this region whose backups are used", examples=["reviews"]
    )
    source_backups: str | None = Field(
        None,
        pattern=BACKUPS,
        description="in place of it: ARN of automated backups, such as those that are replicated into this region",
        examples=["arn:aws:rds:eu-west-1:123456789012:auto-backup:ab-l6uu4xivwzqhjyrwsxtqnrr2"],
    )
    time: AwareDatetime | Literal["latest"] = Field(
        "latest",
        description="to which time (with its zone), or `latest`: the newest that can be restored",
        examples=["2026-11-23T08:40:00Z", "latest"],
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.source_instance is None) == (self.source_backups is None):
            raise ValueError("give exactly one of source_instance and source_backups")
        return self

    @property
    def point(self) -> datetime | None:
        """The time that was asked for; None for the latest."""
        return None if isinstance(self.time, str) else as_utc(self.time)

    @property
    def source(self) -> str:
        """Where the data comes from."""
        return self.source_instance or self.source_backups or ""


class RdsPitrOutputs(Outputs):
    """Where the restored database is."""

    instance: str = Field("", description="name of the instance")
    endpoint: str = Field("", description="host name to connect to")
    port: int = Field(0, description="port to connect to")
    source: str = Field("", description="instance or backups that it was restored from")
    recovery_point: str = Field("", description="the time its data is from, UTC")


class RdsRestorePitr(Action[RdsPitrParams]):
    """Restore a database instance to a point in time, from the automated backups of the region.

    check: the instance is available and its tags say that it was restored from the same source (and to the same time,
    where one is given; with `latest` any restore is good: it may have taken writes since). A foreign instance, a state
    that does not end by itself, and a time that can't be restored fail the step, in a dry run too.
    apply: restores, or goes on waiting for a restore that has begun, until the instance is available.
    revert: deletes the instance if its tags say that it is ours.
    With `latest` the recovery point is the time that RDS could restore to just before: the data is from then or newer.
    Another region's backups must be replicated into this one beforehand: give their ARN as source_backups.
    """

    name = "aws.rds_restore_pitr"
    eventual = True
    aws_reads = ("rds:DescribeDBInstances", "rds:DescribeDBInstanceAutomatedBackups")
    aws_writes = ("rds:RestoreDBInstanceToPointInTime", "rds:DeleteDBInstance")
    aws_permissions = ("rds:AddTagsToResource", "rds:CreateDBSnapshot")
    aws_adds = ("rds:DBInstance",)
    duration = "10-60 min, by size and by how much log is replayed"
    tested = ("moto, amended", "model")
    Params = RdsPitrParams
    Outputs = RdsPitrOutputs
    example: ClassVar[str] = """\
aws.rds_restore_pitr:
  source_backups: arn:aws:rds:eu-west-1:123456789012:auto-backup:ab-l6uu4xivwzqhjyrwsxtqnrr2
  time: "2026-11-23T08:40:00Z"
  instance: reviews-eu-west-1
  region: eu-west-1
  subnet_group: standby
"""

    def check(self, params: RdsPitrParams, context: ActionContext) -> Finding:
        """Look for the instance; when there is none, for the times that can be restored."""
        rds = client(params, context, "rds")
        instance = find_instance(rds, params.instance)
        if instance is not None:
            _refuse_foreign(params, instance)
            return restored(instance, context, params.source, source=params.source)
        point = _point(params, rds)
        return unsatisfied(
            f"{params.instance} is not there; it would be restored from {params.source} to {point.isoformat()}",
            changes=(
                Change(
                    what=f"instance {params.instance}",
                    before=None,
                    after={"source": params.source, "recovery_point": point.isoformat(), **params.shown},
                ),
            ),
            recovery_point=point,
            evidence=additions(Addition(kind="rds:DBInstance", region=params.region, role=params.role)),
        )

    def apply(self, params: RdsPitrParams, context: ActionContext) -> Applied:
        """Restore and wait."""

        def begin(rds: AwsClient) -> None:
            # With `latest` RDS takes the newest it has by then, so that the data is of the noted time or newer.
            point = _point(params, rds)
            context.progress(f"restoring {params.instance} from {params.source} to {point.isoformat()}")
            make(
                rds,
                "restore_db_instance_to_point_in_time",
                SourceDBInstanceIdentifier=params.source_instance,
                SourceDBInstanceAutomatedBackupsArn=params.source_backups,
                TargetDBInstanceIdentifier=params.instance,
                UseLatestRestorableTime=True if params.point is None else None,
                RestoreTime=params.point,
                Tags=tag_list({**params.tags, **marks(context, point=point, source=params.source)}),
                **params.settings,
            )

        made = restore(params, context, begin, lambda found: _refuse_foreign(params, found))
        return Applied(summary=f"restored {made.name} from {params.source}")

    def revert(self, params: RdsPitrParams, context: ActionContext) -> Applied:
        """Delete the instance, if it is ours."""
        return take_back(params, context, lambda found: _refuse_foreign(params, found))


def _point(params: RdsPitrParams, rds: AwsClient) -> datetime:
    """Give the time to restore to.

    Raises:
        ActionFailedError: it can't be restored.
    """
    earliest, latest = _window(params, rds)
    if latest is None:
        raise ActionFailedError(
            f"{params.source} can't be restored to any time", hint="it needs automated backups (a retention above 0)"
        )
    time = params.point
    if time is None:
        return latest
    if time > latest or (earliest is not None and time < earliest):
        since = f"from {earliest.isoformat()} " if earliest is not None else ""
        raise ActionFailedError(
            f"{params.source} can be restored {since}to {latest.isoformat()}, not to {time.isoformat()}"
        )
    return time


def _window(params: RdsPitrParams, rds: AwsClient) -> tuple[datetime | None, datetime | None]:
    """Give the earliest and the latest time that can be restored, as far as RDS tells."""
    if params.source_instance is not None:
        source = find_instance(rds, params.source_instance)
        if source is None:
            raise ActionFailedError(
                f"there is no instance {params.source_instance} in {params.region}",
                hint="of an instance that is gone or in another region, give source_backups",
            )
        return None, source.latest_restorable
    answer = rds.call("describe_db_instance_automated_backups", DBInstanceAutomatedBackupsArn=params.source_backups)
    found = answer.get("DBInstanceAutomatedBackups") or []
    if not found:
        raise ActionFailedError(f"there are no automated backups {params.source_backups} in {params.region}")
    window = found[0].get("RestoreWindow") or {}
    earliest, latest = window.get("EarliestTime"), window.get("LatestTime")
    return as_utc(earliest) if earliest else None, as_utc(latest) if latest else None


def _refuse_foreign(params: RdsPitrParams, instance: Instance) -> None:
    what = f"an instance {instance.name} in {params.region}"
    refuse_foreign(what, instance.tags, source=params.source)
    point = instance.recovery_point
    if params.point is not None and point != params.point:
        raise ActionFailedError(
            f"{instance.name} was restored to {point.isoformat() if point else 'an unknown time'}, "
            f"not to {params.point.isoformat()}; it is left alone",
            hint="it may have taken writes since; delete it yourself, or choose another instance name",
        )
