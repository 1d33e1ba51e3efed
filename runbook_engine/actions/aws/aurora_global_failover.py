"""aws.aurora_global_failover: the writer of an Aurora global database moves to the region."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.replication_lag import Lag, LagParams, refuse_lag, replication_lag
from runbook_engine.actions.aws.waiting import Seen, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsAnswer,
    AwsClient,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

WRITER = "writer"
TERMINAL = frozenset({"deleting", "failed", "inaccessible-encryption-credentials", "incompatible-network"})
HINT = "look at the global database's events in RDS"


class AuroraParams(LagParams):
    """Which global database, and how."""

    global_cluster: str = Field(min_length=1, description="name of the global database", examples=["reviews-global"])
    cluster: str = Field(
        min_length=1, description="name of its cluster in the region, which shall write", examples=["reviews-eu-west-1"]
    )
    mode: Literal["switchover", "failover"] = Field(
        "switchover",
        description="`switchover` loses nothing and needs both regions healthy; `failover` is for a primary that is "
        "lost: what it had not sent yet is lost too",
    )
    allow_data_loss: bool = Field(default=False, description="must be true with `failover`")

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if self.allow_data_loss != (self.mode == "failover"):
            raise ValueError("allow_data_loss: true goes with mode: failover, and only with it")
        return self


class AuroraOutputs(Outputs):
    """Where the writer is."""

    writer: str = Field("", description="ARN of the cluster that writes")
    endpoint: str = Field("", description="host name of its writer")
    reader_endpoint: str = Field("", description="host name of its readers")
    port: int = Field(0, description="port to connect to")
    previous_writer: str = Field("", description="ARN of the cluster that wrote before")
    lag: str = Field("", description="how far the region lagged behind before")
    recovery_point: str = Field("", description="the time its data was from then, UTC; empty when not known")


@dataclass(frozen=True, slots=True)
class _Global:
    """A global database as its region sees it; `moving_to` is the ARN that a failover in progress aims at."""

    state: str
    target: str
    writer: str
    moving_to: str
    synchronization: str
    cluster: AwsAnswer


class AuroraGlobalFailover(Action[AuroraParams]):
    """Move the writer of an Aurora global database to this region. A failover can't be undone.

    check: the region's cluster is the writer, it and the global database are available, and nothing is in progress. A
    cluster that is no member, a failover to elsewhere in progress, and a switchover to a cluster that is not in
    synchrony fail the step, in a dry run too. Before, it tells the lag, by CloudWatch's AuroraGlobalDBReplicationLag.
    apply: refuses when the lag is above max_lag; switches or fails over, and waits.
    All calls go to this region. The way back is the same step for the other region, once it is in synchrony again.
    """

    name = "aws.aurora_global_failover"
    reversible = False
    no_return = True
    eventual = True
    aws_reads = ("rds:DescribeGlobalClusters", "rds:DescribeDBClusters", "cloudwatch:GetMetricStatistics")
    aws_writes = ("rds:SwitchoverGlobalCluster", "rds:FailoverGlobalCluster")
    duration = "1-5 min to fail over; 5-15 min to switch over"
    tested = ("ministack", "model")
    Params = AuroraParams
    Outputs = AuroraOutputs
    example: ClassVar[str] = """\
aws.aurora_global_failover:
  global_cluster: reviews-global
  cluster: reviews-eu-west-1
  mode: failover
  allow_data_loss: true
  region: eu-west-1
"""

    def check(self, params: AuroraParams, context: ActionContext) -> Finding:
        """Look at the global database and at the region's cluster."""
        found = _look(params, client(params, context, "rds"))
        if _done(found):
            outputs = {
                "writer": found.target,
                "endpoint": found.cluster.get("Endpoint", ""),
                "reader_endpoint": found.cluster.get("ReaderEndpoint", ""),
                "port": int(found.cluster.get("Port", 0)),
            }
            return satisfied(f"{params.cluster} writes for {params.global_cluster}", outputs=outputs)
        _refuse(params, found)
        if found.moving_to:
            return unsatisfied(f"{params.global_cluster} is moving its writer to {params.cluster} ({found.state})")
        if found.writer == found.target:
            return unsatisfied(f"{params.cluster} writes, but is {found.cluster.get('Status')} ({found.state})")
        lag = _lag(params, context)
        refuse_lag(params, params.cluster, lag)
        return unsatisfied(
            f"{found.writer or 'nobody'} writes for {params.global_cluster}; {params.cluster}: {lag}",
            changes=(Change(what=f"writer of {params.global_cluster}", before=found.writer, after=found.target),),
            evidence={"lag": str(lag)},
            recovery_point=lag.recovery_point,
        )

    def apply(self, params: AuroraParams, context: ActionContext) -> Applied:
        """Switch or fail over, and wait."""
        rds = client(params, context, "rds")
        before = _look(params, rds)
        _refuse(params, before)
        lag = Lag(None, why="it had begun already")
        if not before.moving_to and before.writer != before.target:
            lag = _lag(params, context)
            refuse_lag(params, params.cluster, lag)
            context.progress(f"{params.mode} of {params.global_cluster} to {params.cluster}, {lag}")
            _move(params, rds, before.target)

        def look() -> Seen:
            found = _look(params, rds)
            _refuse(params, found)
            detail = f"{found.writer.rpartition(':')[2] or 'nobody'} writes"
            return Seen(WRITER if _done(found) else found.state, detail=detail)

        wait_until(params, context, look, what=params.global_cluster, ready={WRITER}, terminal=TERMINAL, hint=HINT)
        point = lag.recovery_point
        outputs = {
            "previous_writer": before.writer if before.writer != before.target else "",
            "lag": str(lag),
            "recovery_point": point.isoformat() if point else "",
        }
        return Applied(summary=f"{params.cluster} writes for {params.global_cluster}, {lag}", outputs=outputs)


def _look(params: AuroraParams, rds: AwsClient) -> _Global:
    """Describe both.

    Raises:
        ActionFailedError: there is no such global database or cluster, or the one is no member of the other.
    """
    # The filter is applied here as well: not every endpoint heeds it.
    answer = rds.call("describe_global_clusters", GlobalClusterIdentifier=params.global_cluster)
    names = {item["GlobalClusterIdentifier"]: item for item in answer.get("GlobalClusters") or []}
    item = names.get(params.global_cluster)
    clusters = rds.call("describe_db_clusters", DBClusterIdentifier=params.cluster).get("DBClusters") or []
    if item is None or not clusters:
        raise ActionFailedError(f"there is no {params.global_cluster if item is None else params.cluster}")
    target = clusters[0]["DBClusterArn"]
    members = {member["DBClusterArn"]: member for member in item.get("GlobalClusterMembers") or []}
    if target not in members:
        raise ActionFailedError(
            f"{params.cluster} is no member of {params.global_cluster}",
            hint=f"its members: {', '.join(members) or 'none'}",
        )
    moving = item.get("FailoverState") or {}
    return _Global(
        state=moving.get("Status") or item.get("Status", ""),
        target=target,
        writer=next((arn for arn, member in members.items() if member.get("IsWriter")), ""),
        moving_to=moving.get("ToDbClusterArn", ""),
        synchronization=members[target].get("SynchronizationStatus", ""),
        cluster=clusters[0],
    )


def _done(found: _Global) -> bool:
    available = found.state == "available" and found.cluster.get("Status") == "available"
    return found.writer == found.target and not found.moving_to and available


def _refuse(params: AuroraParams, found: _Global) -> None:
    if found.moving_to and found.moving_to != found.target:
        raise ActionFailedError(
            f"{params.global_cluster} is moving its writer to {found.moving_to} now",
            hint="wait for the end of that, then run the step again",
        )
    waiting = found.synchronization == "pending-resync" and found.writer != found.target
    if waiting and not found.moving_to and params.mode == "switchover":
        raise ActionFailedError(
            f"{params.cluster} is not in synchrony yet (pending-resync)",
            hint="wait for it; or, if the primary is lost, use mode: failover",
        )


def _move(params: AuroraParams, rds: AwsClient, target: str) -> None:
    """Begin; while RDS is at it already it refuses, and then there is only the wait."""
    where = {"GlobalClusterIdentifier": params.global_cluster, "TargetDbClusterIdentifier": target}
    with passing_over(Trouble.BUSY):
        if params.mode == "switchover":
            rds.call("switchover_global_cluster", **where)
        else:
            rds.call("failover_global_cluster", **where, AllowDataLoss=True)


def _lag(params: AuroraParams, context: ActionContext) -> Lag:
    dimensions = {"DBClusterIdentifier": params.cluster}
    unit = timedelta(milliseconds=1)
    return replication_lag(params, context, "AuroraGlobalDBReplicationLag", dimensions, unit=unit)
