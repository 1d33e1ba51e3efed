"""aws.elasticache_global_failover: the primary of an ElastiCache global datastore moves to the region."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.errors import Trouble, passing_over
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    AwsClient,
    Change,
    Finding,
    Outputs,
    satisfied,
    unsatisfied,
)

PRIMARY = "primary"
# ElastiCache calls a global datastore without a second member `primary-only`.
STEADY = frozenset({"available", "primary-only"})
TERMINAL = frozenset({"deleting", "deleted", "restore-failed", "create-failed"})
HINT = "look at its events in ElastiCache"


class ElasticacheParams(PolledParams):
    """Which global datastore."""

    global_group: str = Field(min_length=1, description="id of the global datastore", examples=["ldgnf-sessions"])
    group: str = Field(
        min_length=1,
        description="id of its replication group in the region, which shall be primary",
        examples=["sessions-eu-west-1"],
    )


class ElasticacheOutputs(Outputs):
    """Where the primary is."""

    group: str = Field("", description="id of the replication group that is primary")
    endpoint: str = Field("", description="host name to write to")
    port: int = Field(0, description="its port")
    previous_region: str = Field("", description="region of the group that was primary before")


@dataclass(frozen=True, slots=True)
class _Datastore:
    state: str
    primary_region: str
    primary_group: str
    role: str


class ElasticacheGlobalFailover(Action[ElasticacheParams]):
    """Make this region's replication group the primary of an ElastiCache global datastore.

    check: the region's group is primary and the datastore is available. A group that is no member, or a state that
    does not end by itself, fails the step, in a dry run too.
    apply: fails over, or goes on waiting for a failover that has begun.
    Replication is asynchronous: what the old primary had not sent yet is lost. ElastiCache tells no lag here.
    """

    name = "aws.elasticache_global_failover"
    reversible = False
    no_return = True
    eventual = True
    aws_reads = ("elasticache:DescribeGlobalReplicationGroups", "elasticache:DescribeReplicationGroups")
    aws_writes = ("elasticache:FailoverGlobalReplicationGroup",)
    duration = "1-10 min"
    tested = ("model",)
    Params = ElasticacheParams
    Outputs = ElasticacheOutputs
    example: ClassVar[str] = """\
aws.elasticache_global_failover:
  global_group: ldgnf-sessions
  group: sessions-eu-west-1
  region: eu-west-1
"""

    def check(self, params: ElasticacheParams, context: ActionContext) -> Finding:
        """Look at the datastore."""
        elasticache = client(params, context, "elasticache")
        found = _look(params, elasticache)
        refuse_terminal(params.global_group, Seen(found.state), TERMINAL, hint=HINT)
        if found.role == PRIMARY and found.state in STEADY:
            host, port = _endpoint(params, elasticache)
            outputs = {"group": params.group, "endpoint": host, "port": port}
            return satisfied(f"{params.group} is primary of {params.global_group}", outputs=outputs)
        if found.state not in STEADY:
            return unsatisfied(f"{params.global_group} is {found.state}, {found.primary_group} is primary")
        change = Change(
            what=f"primary of {params.global_group}",
            before=f"{found.primary_group} in {found.primary_region}",
            after=f"{params.group} in {params.region}",
        )
        return unsatisfied(f"{found.primary_group} in {found.primary_region} is primary", changes=(change,))

    def apply(self, params: ElasticacheParams, context: ActionContext) -> Applied:
        """Fail over and wait."""
        elasticache = client(params, context, "elasticache")
        before = _look(params, elasticache)
        if before.role != PRIMARY and before.state in STEADY:
            context.progress(f"failing {params.global_group} over to {params.region}")
            _fail_over(params, elasticache)

        def look() -> Seen:
            found = _look(params, elasticache)
            steady = found.role == PRIMARY and found.state in STEADY
            return Seen(PRIMARY if steady else found.state, detail=f"{found.primary_group} is primary")

        wait_until(params, context, look, what=params.global_group, ready={PRIMARY}, terminal=TERMINAL, hint=HINT)
        outputs = {"previous_region": before.primary_region if before.role != PRIMARY else ""}
        return Applied(summary=f"{params.group} is primary of {params.global_group}", outputs=outputs)


def _look(params: ElasticacheParams, elasticache: AwsClient) -> _Datastore:
    """Describe the datastore.

    Raises:
        ActionFailedError: the region's group is no member.
    """
    answer = elasticache.call(
        "describe_global_replication_groups", GlobalReplicationGroupId=params.global_group, ShowMemberInfo=True
    )
    found = answer["GlobalReplicationGroups"][0]
    members = {
        (item.get("ReplicationGroupRegion"), item.get("ReplicationGroupId")): str(item.get("Role", "")).lower()
        for item in found.get("Members") or []
    }
    if (params.region, params.group) not in members:
        there = ", ".join(f"{group} in {region}" for region, group in members)
        raise ActionFailedError(
            f"{params.group} in {params.region} is no member of {params.global_group}",
            hint=f"members: {there or 'none'}",
        )
    region, group = next((key for key, role in members.items() if role == PRIMARY), ("", ""))
    return _Datastore(str(found.get("Status", "")), str(region), str(group), members[params.region, params.group])


def _fail_over(params: ElasticacheParams, elasticache: AwsClient) -> None:
    """Begin; while ElastiCache is at it already it refuses, and then there is only the wait."""
    with passing_over(Trouble.BUSY):
        elasticache.call(
            "failover_global_replication_group",
            GlobalReplicationGroupId=params.global_group,
            PrimaryRegion=params.region,
            PrimaryReplicationGroupId=params.group,
        )


def _endpoint(params: ElasticacheParams, elasticache: AwsClient) -> tuple[str, int]:
    """Give where to write to; a group in cluster mode has one endpoint for all, others one of the primary node."""
    answer = elasticache.call("describe_replication_groups", ReplicationGroupId=params.group)
    group = answer["ReplicationGroups"][0]
    nodes = group.get("NodeGroups") or [{}]
    found = group.get("ConfigurationEndpoint") or nodes[0].get("PrimaryEndpoint") or {}
    return str(found.get("Address", "")), int(found.get("Port", 0))
