"""The failovers of global databases: Aurora's against ministack and the model, ElastiCache's against the model."""

import pytest
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.aurora_global_failover import AuroraGlobalFailover
from runbook_engine.actions.aws.elasticache_global_failover import ElasticacheGlobalFailover
from runbook_engine.sdk import ActionFailedError

HOME, STANDBY = "us-east-1", "eu-west-1"
AURORA = {"global_cluster": "g", "cluster": "c-eu", "region": STANDBY, "poll": "1s"}
FAILOVER = {**AURORA, "mode": "failover", "allow_data_loss": True}
CACHE = {"global_group": "ldgnf-s", "group": "s-eu", "region": STANDBY, "poll": "1s"}


@pytest.fixture
def aurora(ministack, cloud, boto):
    """A global database with a writer at home and a cluster in the standby region."""
    context = cloud(ministack.endpoint)
    home, standby = boto("rds", HOME), boto("rds")
    login = {"MasterUsername": "dr", "MasterUserPassword": "not-a-secret"}
    home.create_global_cluster(GlobalClusterIdentifier="g", Engine="aurora-postgresql")
    home.create_global_cluster(GlobalClusterIdentifier="other", Engine="aurora-postgresql")
    home.create_db_cluster(DBClusterIdentifier="c-us", Engine="aurora-postgresql", GlobalClusterIdentifier="g", **login)
    standby.create_db_cluster(DBClusterIdentifier="c-eu", Engine="aurora-postgresql", GlobalClusterIdentifier="g")
    for rds, cluster in ((home, "c-us"), (standby, "c-eu")):
        rds.create_db_instance(
            DBInstanceIdentifier=f"{cluster}-1",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier=cluster,
        )
    ministack.calls.clear()
    return context


@pytest.mark.parametrize(
    ("params", "operation"), [(AURORA, "rds:SwitchoverGlobalCluster"), (FAILOVER, "rds:FailoverGlobalCluster")]
)
def test_the_writer_moves_here_then_is_unchanged(ministack, aurora, params, operation, step, looks_without_writing):
    action = AuroraGlobalFailover()
    finding = looks_without_writing(ministack, action, params, aurora)
    assert finding.status == "unsatisfied"
    assert [change.what for change in finding.changes] == ["writer of g"]
    outcome, _, outputs = step(action, params, aurora)
    assert outcome == "changed"
    assert outputs["writer"].endswith(":cluster:c-eu")
    assert outputs["previous_writer"].endswith(":cluster:c-us")
    assert outputs["endpoint"]
    assert step(action, params, aurora)[0] == "unchanged"
    assert ministack.count(operation) == 1


def test_a_lost_reply_is_not_a_second_failover(ministack, aurora, survives_a_lost_reply):
    survives_a_lost_reply(ministack, "rds:FailoverGlobalCluster", AuroraGlobalFailover(), FAILOVER, aurora)


class SlowAurora(ModelService):
    """A global database that takes four looks to move its writer, and tells how far it is, as no emulator does."""

    service = "rds"
    us, eu = (f"arn:aws:rds:{region}:123456789012:cluster:c-{region[:2]}" for region in (HOME, STANDBY))

    def __init__(self):
        self.writer, self.looks, self.begun = self.us, 0, 0

    def describe_db_clusters(self, asked, region):
        cluster = {"DBClusterIdentifier": "c-eu", "DBClusterArn": self.eu, "Status": "available", "Endpoint": "w"}
        return {"DBClusters": [cluster]}

    def describe_global_clusters(self, asked, region):
        found = {"GlobalClusterIdentifier": "g", "Status": "available"}
        if self.looks:
            self.looks -= 1
            found["FailoverState"] = {"Status": "failing-over", "FromDbClusterArn": self.us, "ToDbClusterArn": self.eu}
            if not self.looks:
                self.writer = self.eu
        members = [{"DBClusterArn": arn, "IsWriter": arn == self.writer} for arn in (self.us, self.eu)]
        return {"GlobalClusters": [{**found, "GlobalClusterMembers": members}]}

    def failover_global_cluster(self, asked, region):
        if self.looks:
            raise RefusedError("InvalidGlobalClusterStateFault")
        assert (asked["TargetDbClusterIdentifier"], asked["AllowDataLoss"]) == (self.eu, True)
        self.looks, self.begun = 4, self.begun + 1
        return {"GlobalCluster": {"GlobalClusterIdentifier": "g"}}


def test_a_slow_failover_is_waited_for_and_not_begun_twice(modelled, cloud, moto, survives_a_lost_reply, step):
    fake = SlowAurora()
    faults = modelled(fake)
    context = cloud(faults.endpoint, cloudwatch=moto.endpoint)
    outcome, _, _ = survives_a_lost_reply(
        faults, "rds:FailoverGlobalCluster", AuroraGlobalFailover(), FAILOVER, context
    )
    assert fake.begun == 1
    assert outcome == "changed"
    assert any("failing-over" in text for text in context.progress_texts)
    assert step(AuroraGlobalFailover(), FAILOVER, context)[0] == "unchanged"


class Elasticache(ModelService):
    """A global datastore that takes four looks to fail over."""

    service = "elasticache"

    def __init__(self):
        self.primary, self.looks, self.begun, self.state = HOME, 0, 0, "available"

    def describe_global_replication_groups(self, asked, region):
        assert asked == {"GlobalReplicationGroupId": "ldgnf-s", "ShowMemberInfo": True}
        state = self.state
        if self.looks:
            self.looks, state = self.looks - 1, "modifying"
            if not self.looks:
                self.primary = STANDBY
        members = [
            {
                "ReplicationGroupId": f"s-{region[:2]}",
                "ReplicationGroupRegion": region,
                "Role": "PRIMARY" if region == self.primary else "SECONDARY",
                "Status": "associated",
            }
            for region in (HOME, STANDBY)
        ]
        return {"GlobalReplicationGroups": [{"Status": state, "Members": members}]}

    def describe_replication_groups(self, asked, region):
        nodes = [{"PrimaryEndpoint": {"Address": "cache.example.com", "Port": 6379}}]
        return {"ReplicationGroups": [{"ReplicationGroupId": asked["ReplicationGroupId"], "NodeGroups": nodes}]}

    def failover_global_replication_group(self, asked, region):
        if self.looks:
            raise RefusedError("InvalidGlobalReplicationGroupState")
        assert asked["PrimaryRegion"] == region == STANDBY
        self.looks, self.begun = 4, self.begun + 1
        return {"GlobalReplicationGroup": {"GlobalReplicationGroupId": "ldgnf-s"}}


def test_a_datastore_fails_over_once(modelled, cloud, step, looks_without_writing, survives_a_lost_reply):
    fake, action = Elasticache(), ElasticacheGlobalFailover()
    faults = modelled(fake)
    context = cloud(faults.endpoint)
    assert looks_without_writing(faults, action, CACHE, context).status == "unsatisfied"
    assert (
        survives_a_lost_reply(faults, "elasticache:FailoverGlobalReplicationGroup", action, CACHE, context)[0]
        == "changed"
    )
    assert fake.begun == 1
    outcome, _, outputs = step(action, CACHE, context)
    assert (outcome, outputs["endpoint"], outputs["port"]) == ("unchanged", "cache.example.com", 6379)


def test_a_datastore_that_is_deleted_meanwhile_fails_at_once(modelled, cloud):
    fake, action = Elasticache(), ElasticacheGlobalFailover()
    context = cloud(modelled(fake).endpoint)
    context.on_pause = lambda: setattr(fake, "state", "deleting")
    with pytest.raises(ActionFailedError, match="does not end by itself"):
        action.apply(action.Params.model_validate(CACHE), context)
