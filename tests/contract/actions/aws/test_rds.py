"""The RDS actions through boto3 against moto, made slow, silent and forgetful."""

from datetime import UTC, datetime, timedelta

import pytest
from moto.rds.models import RDSBackend
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.rds_copy_snapshot import RdsCopySnapshot
from runbook_engine.actions.aws.rds_promote_replica import RdsPromoteReplica
from runbook_engine.actions.aws.rds_restore_pitr import RdsRestorePitr
from runbook_engine.actions.aws.rds_restore_snapshot import RdsRestoreSnapshot
from runbook_engine.sdk import ActionFailedError, AwsError

HOME, STANDBY = "us-east-1", "eu-west-1"
COPY = {"source_region": HOME, "snapshot": "latest", "source_instance": "reviews", "region": STANDBY, "poll": "1s"}
PITR = {"source_instance": "reviews", "instance": "reviews-dr", "region": HOME, "skip_final_snapshot": True}
REPLICA = {"instance": "reviews-replica", "region": STANDBY}


def instance(rds, name="reviews", **more):
    return rds.create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="dr",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
        **more,
    )["DBInstance"]


@pytest.fixture
def context(moto, cloud):
    return cloud(moto.endpoint)


@pytest.fixture
def home(context, boto):
    rds = boto("rds", HOME)
    instance(rds)
    rds.create_db_snapshot(DBInstanceIdentifier="reviews", DBSnapshotIdentifier="reviews-1")
    return rds


def test_a_copy_takes_a_while_then_is_unchanged_then_is_reverted(
    moto, context, home, step, look, looks_without_writing, boto
):
    action = RdsCopySnapshot()
    finding = looks_without_writing(moto, action, COPY, context)
    assert finding.status == "unsatisfied"
    moto.slow("rds:DescribeDBSnapshots", b"<Status>available<", b"<Status>creating<", 3, after="rds:CopyDBSnapshot")
    outcome, finding, outputs = step(action, COPY, context)
    assert outcome == "changed"
    assert any("creating" in text for text in context.progress_texts)
    tags = boto("rds").list_tags_for_resource(ResourceName=outputs["arn"])["TagList"]
    assert {"dr:managed", "dr:run", "dr:step", "dr:source", "dr:recovery-point"} <= {tag["Key"] for tag in tags}
    assert step(action, COPY, context)[0] == "unchanged"
    # What was copied is what the restore of the standby region takes.
    restore = {"snapshot": "latest", "source_instance": "reviews", "instance": "r2", "region": STANDBY}
    assert step(RdsRestoreSnapshot(), restore, context)[2]["snapshot"] == outputs["snapshot"]
    action.revert(action.Params.model_validate(COPY), context)
    assert look(action, COPY, context).status == "unsatisfied"


def test_a_copy_whose_reply_was_lost_is_not_made_again(moto, context, home, survives_a_lost_reply):
    assert survives_a_lost_reply(moto, "rds:CopyDBSnapshot", RdsCopySnapshot(), COPY, context)[0] == "unchanged"


def test_the_wrong_account_is_refused_before_anything(moto, context, home, look):
    context.target = context.target.model_copy(update={"variables": {"aws_account": "999999999999"}})
    with pytest.raises(AwsError, match="not to 999999999999"):
        look(RdsCopySnapshot(), COPY, context)
    with pytest.raises(AwsError, match="not to 999999999999"):
        RdsCopySnapshot().apply(RdsCopySnapshot.Params.model_validate(COPY), context)
    assert "rds:CopyDBSnapshot" not in moto.calls


def test_a_foreign_copy_is_not_reverted(context, home, boto):
    arn = home.describe_db_snapshots(DBSnapshotIdentifier="reviews-1")["DBSnapshots"][0]["DBSnapshotArn"]
    boto("rds").copy_db_snapshot(
        SourceDBSnapshotIdentifier=arn,
        TargetDBSnapshotIdentifier="mine",
        SourceRegion=HOME,
        Tags=[{"Key": "dr:source", "Value": arn}],
    )
    params = RdsCopySnapshot.Params.model_validate({**COPY, "snapshot": "reviews-1", "name": "mine"})
    with pytest.raises(ActionFailedError, match="was not made by a runbook"):
        RdsCopySnapshot().revert(params, context)


def test_a_time_is_restored_then_is_unchanged_then_is_reverted(
    moto, context, home, step, look, looks_without_writing, survives_a_lost_reply
):
    action = RdsRestorePitr()
    assert looks_without_writing(moto, action, PITR, context).recovery_point is not None
    moto.slow(
        "rds:DescribeDBInstances",
        b"<DBInstanceStatus>available<",
        b"<DBInstanceStatus>creating<",
        3,
        after="rds:RestoreDBInstanceToPointInTime",
    )
    survives_a_lost_reply(moto, "rds:RestoreDBInstanceToPointInTime", action, PITR, context)
    assert any("reviews-dr: creating" in text for text in context.progress_texts)
    outcome, finding, outputs = step(action, PITR, context)
    assert outcome == "unchanged"
    assert outputs["endpoint"]
    assert finding.recovery_point is not None
    action.revert(action.Params.model_validate(PITR), context)
    assert look(action, PITR, context).summary.startswith("reviews-dr is not there")


class ReplicatedBackups(ModelService):
    """RDS with the automated backups of an instance of another region, which no emulator has."""

    service = "rds"
    arn = "arn:aws:rds:eu-west-1:123456789012:auto-backup:ab-l6uu4xivwzqhjyrwsxtqnrr2"

    def __init__(self):
        self.made = {}

    def describe_db_instance_automated_backups(self, asked, region):
        assert asked == {"DBInstanceAutomatedBackupsArn": self.arn}
        window = {
            "EarliestTime": datetime(2026, 11, 16, tzinfo=UTC),
            "LatestTime": datetime(2026, 11, 23, 8, 55, tzinfo=UTC),
        }
        return {"DBInstanceAutomatedBackups": [{"DBInstanceAutomatedBackupsArn": self.arn, "RestoreWindow": window}]}

    def describe_db_instances(self, asked, region):
        if asked["DBInstanceIdentifier"] not in self.made:
            raise RefusedError("DBInstanceNotFound")
        return {"DBInstances": [self.made[asked["DBInstanceIdentifier"]]]}

    def restore_db_instance_to_point_in_time(self, asked, region):
        assert asked["SourceDBInstanceAutomatedBackupsArn"] == self.arn
        assert asked.get("UseLatestRestorableTime", False) != ("RestoreTime" in asked)
        assert "SourceDBInstanceIdentifier" not in asked
        name = asked["TargetDBInstanceIdentifier"]
        self.made[name] = {
            "DBInstanceIdentifier": name,
            "DBInstanceStatus": "available",
            "TagList": asked["Tags"],
            "Endpoint": {"Address": "db", "Port": 5432},
        }
        return {"DBInstance": self.made[name]}


def test_replicated_backups_are_restored_in_the_other_region(modelled, cloud, step):
    faults = modelled(ReplicatedBackups())
    params = {"source_backups": ReplicatedBackups.arn, "instance": "reviews-dr", "region": STANDBY}
    context = cloud(faults.endpoint)
    outcome, _, outputs = step(RdsRestorePitr(), params, context)
    assert (outcome, outputs["recovery_point"]) == ("changed", "2026-11-23T08:55:00+00:00")
    assert step(RdsRestorePitr(), params, context)[0] == "unchanged"
    earlier = {**params, "instance": "reviews-then", "time": "2026-11-20T12:00:00+01:00"}
    assert step(RdsRestorePitr(), earlier, context)[2]["recovery_point"] == "2026-11-20T11:00:00+00:00"


@pytest.fixture
def replica(context, home, boto, monkeypatch):
    """A replica in the standby region; moto forgets to make it stand alone, and does not refuse a second time."""

    def promote(self, db_kwargs):
        database = self.databases[db_kwargs["db_instance_identifier"]]
        if not database.is_replica:
            raise AssertionError("promoted twice")
        database.is_replica = False
        database.source_db_instance_identifier = None
        return database

    monkeypatch.setattr(RDSBackend, "promote_read_replica", promote)
    source = home.describe_db_instances(DBInstanceIdentifier="reviews")["DBInstances"][0]["DBInstanceArn"]
    rds = boto("rds")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="reviews-replica", SourceDBInstanceIdentifier=source)
    return rds


def lag(boto, seconds):
    boto("cloudwatch").put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": "ReplicaLag",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "reviews-replica"}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
                "Value": seconds,
            }
        ],
    )


def test_a_replica_is_promoted_once_and_its_lag_is_the_recovery_point(
    moto, context, replica, boto, step, looks_without_writing, survives_a_lost_reply
):
    action = RdsPromoteReplica()
    lag(boto, 30)
    finding = looks_without_writing(moto, action, REPLICA, context)
    assert "lag 30s" in finding.summary
    survives_a_lost_reply(moto, "rds:PromoteReadReplica", action, REPLICA, context)
    outcome, finding, outputs = step(action, REPLICA, context)
    assert outcome == "unchanged"
    assert outputs["endpoint"]
    assert finding.recovery_point is not None
    assert datetime.now(UTC) - finding.recovery_point < timedelta(minutes=5)


def test_a_replica_that_lags_too_much_is_not_promoted(moto, context, replica, boto, look):
    lag(boto, 300)
    with pytest.raises(ActionFailedError, match="lag 5m, and at most 1m is allowed"):
        look(RdsPromoteReplica(), {**REPLICA, "max_lag": "1m"}, context)
    with pytest.raises(ActionFailedError, match="lag 5m"):
        RdsPromoteReplica().apply(RdsPromoteReplica.Params.model_validate({**REPLICA, "max_lag": "1m"}), context)
    assert "rds:PromoteReadReplica" not in moto.calls


def test_a_throttled_change_is_sent_again(moto, context, replica, step):
    moto.refuse("rds:PromoteReadReplica", "Throttling", times=1)
    assert step(RdsPromoteReplica(), REPLICA, context)[0] == "changed"
    assert moto.count("rds:PromoteReadReplica") == 2
