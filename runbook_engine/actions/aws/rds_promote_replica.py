"""aws.rds_promote_replica: a read replica becomes a database of its own."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.marks import MANAGED_TAG, marks, tag_list
from runbook_engine.actions.aws.rds import READY, TERMINAL, Instance, find_instance
from runbook_engine.actions.aws.replication_lag import Lag, LagParams, refuse_lag, replication_lag
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    AwsError,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

STANDALONE = "standalone"
HINT = "look at its events in RDS"


class RdsPromoteParams(LagParams):
    """Which replica."""

    instance: str = Field(min_length=1, max_length=63, description="name of the replica", examples=["reviews-replica"])
    backup_retention_days: int = Field(
        7, ge=0, le=35, description="days that its automated backups are kept from then on"
    )


class RdsPromoteOutputs(Outputs):
    """Where the database is."""

    instance: str = Field("", description="name of the instance")
    endpoint: str = Field("", description="host name to connect to")
    port: int = Field(0, description="port to connect to")
    lag: str = Field("", description="how far it lagged behind before it was promoted")
    recovery_point: str = Field("", description="the time its data was from then, UTC; empty when not known")


class RdsPromoteReplica(Action[RdsPromoteParams]):
    """Promote a read replica to a database of its own. This can't be undone: replication must be built anew.

    check: the instance has no source and is available. An instance that is not there, or is in a state that does not
    end by itself, fails the step. Before a promotion it tells the lag, by CloudWatch's ReplicaLag.
    apply: refuses when the lag is above max_lag; promotes and waits until it stands alone.
    The recovery point is when the lag was last measured, minus the lag; a tag keeps it.
    """

    name = "aws.rds_promote_replica"
    reversible = False
    no_return = True
    eventual = True
    aws_reads = ("rds:DescribeDBInstances", "cloudwatch:GetMetricStatistics")
    aws_writes = ("rds:AddTagsToResource", "rds:PromoteReadReplica")
    duration = "5-10 min, with a restart of the database"
    tested = ("moto, amended",)
    Params = RdsPromoteParams
    Outputs = RdsPromoteOutputs
    example: ClassVar[str] = """\
aws.rds_promote_replica:
  instance: reviews-replica
  region: eu-west-1
"""

    def check(self, params: RdsPromoteParams, context: ActionContext) -> Finding:
        """Look at the instance, and at its lag while it is a replica."""
        instance = _find(params, client(params, context, "rds"))
        refuse_terminal(instance.name, instance.seen, TERMINAL, hint=HINT)
        if instance.replica_of:
            lag = _lag(params, context)
            refuse_lag(params, instance.name, lag)
            return unsatisfied(
                f"{instance.name} is a replica of {instance.replica_of}, {lag}",
                changes=(Change(what=f"{instance.name} source", before=instance.replica_of, after=None),),
                evidence={"lag": str(lag)},
                recovery_point=lag.recovery_point,
            )
        if instance.status not in READY:
            change = Change(what=f"{instance.name} status", before=instance.status, after="available")
            return unsatisfied(f"{instance.name} is being promoted ({instance.status})", changes=(change,))
        outputs = {"instance": instance.name, "endpoint": instance.host, "port": instance.port}
        point = instance.recovery_point
        return satisfied(f"{instance.name} stands alone", outputs=outputs, recovery_point=point)

    def apply(self, params: RdsPromoteParams, context: ActionContext) -> Applied:
        """Promote and wait."""
        rds = client(params, context, "rds")
        instance = _find(params, rds)
        lag = Lag(None, why="it was promoted already")
        if instance.replica_of:
            lag = _lag(params, context)
            refuse_lag(params, instance.name, lag)
            context.progress(f"promoting {instance.name}, {lag}")
            _note(context, rds, instance, lag)
            _promote(params, rds)

        def look() -> Seen | None:
            found = find_instance(rds, params.instance)
            if found is None:
                return None
            alone = not found.replica_of and found.status in READY
            return Seen(STANDALONE if alone else found.status, detail="still a replica" if found.replica_of else "")

        wait_until(params, context, look, what=params.instance, ready={STANDALONE}, terminal=TERMINAL, hint=HINT)
        point = lag.recovery_point
        outputs = {"lag": str(lag), "recovery_point": point.isoformat() if point else ""}
        return Applied(summary=f"promoted {params.instance}, {lag}", outputs=outputs)


def _find(params: RdsPromoteParams, rds: AwsClient) -> Instance:
    instance = find_instance(rds, params.instance)
    if instance is None:
        raise ActionFailedError(
            f"there is no instance {params.instance} in {params.region}",
            hint="replicas must be made beforehand; look for another way to restore",
        )
    return instance


def _note(context: ActionContext, rds: AwsClient, instance: Instance, lag: Lag) -> None:
    """Note on the instance which time its data is from; it is not marked as made by us, which it isn't."""
    if lag.recovery_point is None:
        return
    tags = {key: value for key, value in marks(context, point=lag.recovery_point).items() if key != MANAGED_TAG}
    try:
        rds.call("add_tags_to_resource", ResourceName=instance.arn, Tags=tag_list(tags))
    except AwsError as error:
        # A database is not left down for want of a tag.
        context.progress(f"the recovery point could not be noted on {instance.name}: {error.message}")


def _promote(params: RdsPromoteParams, rds: AwsClient) -> None:
    """Begin; RDS refuses a second time while it is at it, and then there is only the wait."""
    with passing_over(Trouble.BUSY):
        rds.call(
            "promote_read_replica",
            DBInstanceIdentifier=params.instance,
            BackupRetentionPeriod=params.backup_retention_days,
        )


def _lag(params: RdsPromoteParams, context: ActionContext) -> Lag:
    return replication_lag(params, context, "ReplicaLag", {"DBInstanceIdentifier": params.instance})
