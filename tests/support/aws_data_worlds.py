"""Worlds in which the contract of the AWS data actions is tried: parameters, and what makes the hands."""

from datetime import UTC, datetime

from runbook_engine.testing import FakeAws, aws_error, make_context

NOW = datetime(2026, 11, 23, 8, 55, tzinfo=UTC)


def fake(script):
    return make_context(cloud=FakeAws(script))


def rds_snapshots():
    source = {
        "DBSnapshotIdentifier": "s1",
        "DBSnapshotArn": "arn:s1",
        "DBInstanceIdentifier": "reviews",
        "Status": "available",
        "SnapshotCreateTime": NOW,
    }
    copies = {}

    def describe(**asked):
        if "DBSnapshotIdentifier" not in asked:
            return {"DBSnapshots": list(copies.values())}
        if asked["DBSnapshotIdentifier"] not in copies:
            raise aws_error("DBSnapshotNotFound")
        return {"DBSnapshots": [copies[asked["DBSnapshotIdentifier"]]]}

    def copy(**asked):
        name = asked["TargetDBSnapshotIdentifier"]
        copies[name] = {
            **source,
            "DBSnapshotIdentifier": name,
            "SourceDBSnapshotIdentifier": asked["SourceDBSnapshotIdentifier"],
            "TagList": asked["Tags"],
        }
        return {}

    def delete(**asked):
        del copies[asked["DBSnapshotIdentifier"]]
        return {}

    return fake(
        {
            "rds:describe_db_snapshots@us-east-1": {"DBSnapshots": [source]},
            "rds:describe_db_snapshots": describe,
            "rds:copy_db_snapshot": copy,
            "rds:delete_db_snapshot": delete,
        }
    )


def rds_times():
    source = {"DBInstanceIdentifier": "reviews", "DBInstanceStatus": "available", "LatestRestorableTime": NOW}
    instances = {"reviews": source}

    def describe(**asked):
        if asked["DBInstanceIdentifier"] not in instances:
            raise aws_error("DBInstanceNotFound")
        return {"DBInstances": [instances[asked["DBInstanceIdentifier"]]]}

    def restore(**asked):
        name = asked["TargetDBInstanceIdentifier"]
        instances[name] = {**source, "DBInstanceIdentifier": name, "TagList": asked["Tags"]}
        return {}

    def delete(**asked):
        del instances[asked["DBInstanceIdentifier"]]
        return {}

    return fake(
        {
            "rds:describe_db_instances": describe,
            "rds:restore_db_instance_to_point_in_time": restore,
            "rds:delete_db_instance": delete,
        }
    )


def rds_replica():
    replica = {
        "DBInstanceIdentifier": "r",
        "DBInstanceArn": "arn:r",
        "DBInstanceStatus": "available",
        "ReadReplicaSourceDBInstanceIdentifier": "arn:source",
    }

    def promote(**_):
        del replica["ReadReplicaSourceDBInstanceIdentifier"]
        return {}

    def tag(**asked):
        replica["TagList"] = asked["Tags"]
        return {}

    return fake(
        {
            "rds:describe_db_instances": lambda **_: {"DBInstances": [dict(replica)]},
            "rds:promote_read_replica": promote,
            "rds:add_tags_to_resource": tag,
            "cloudwatch:get_metric_statistics": {"Datapoints": [{"Timestamp": NOW, "Maximum": 3.0}]},
        }
    )


STANDBY = {"region": "eu-west-1"}
CASES = {
    "aws.rds_copy_snapshot": ({"source_region": "us-east-1", "snapshot": "s1", **STANDBY}, rds_snapshots),
    "aws.rds_restore_pitr": ({"source_instance": "reviews", "instance": "r2", **STANDBY}, rds_times),
    "aws.rds_promote_replica": ({"instance": "r", **STANDBY}, rds_replica),
}
