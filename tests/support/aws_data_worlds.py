"""Worlds in which the contract of the AWS data actions is tried: parameters, and what makes the hands."""

from datetime import UTC, datetime, timedelta

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


def aurora():
    members = [{"DBClusterArn": "arn:old", "IsWriter": True}, {"DBClusterArn": "arn:c", "IsWriter": False}]

    def fail_over(**_):
        members.reverse()
        members[0]["IsWriter"], members[1]["IsWriter"] = True, False
        return {}

    cluster = {"DBClusterArn": "arn:c", "Status": "available", "Endpoint": "w", "Port": 5432}
    return fake(
        {
            "rds:describe_global_clusters": lambda **_: {
                "GlobalClusters": [
                    {"GlobalClusterIdentifier": "g", "Status": "available", "GlobalClusterMembers": members}
                ]
            },
            "rds:describe_db_clusters": {"DBClusters": [cluster]},
            "rds:switchover_global_cluster": fail_over,
            "cloudwatch:get_metric_statistics": {"Datapoints": [{"Timestamp": NOW, "Maximum": 800.0}]},
        }
    )


def elasticache():
    members = [
        {"ReplicationGroupId": "s-us", "ReplicationGroupRegion": "us-east-1", "Role": "PRIMARY"},
        {"ReplicationGroupId": "s-eu", "ReplicationGroupRegion": "eu-west-1", "Role": "SECONDARY"},
    ]

    def fail_over(**_):
        members[0]["Role"], members[1]["Role"] = "SECONDARY", "PRIMARY"
        return {}

    return fake(
        {
            "elasticache:describe_global_replication_groups": lambda **_: {
                "GlobalReplicationGroups": [{"Status": "available", "Members": members}]
            },
            "elasticache:describe_replication_groups": {"ReplicationGroups": [{"NodeGroups": []}]},
            "elasticache:failover_global_replication_group": fail_over,
        }
    )


def dynamodb():
    source = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
    tables, tags, recovery = {}, [], {"orders"}

    def describe(**asked):
        if asked["TableName"] not in tables:
            raise aws_error("ResourceNotFoundException")
        return {"Table": tables[asked["TableName"]]}

    def restore(**asked):
        name = asked["TargetTableName"]
        tables[name] = {
            "TableName": name,
            "TableArn": "arn:t",
            "TableStatus": "ACTIVE",
            "CreationDateTime": NOW,
            "RestoreSummary": {"SourceTableArn": source, "RestoreDateTime": NOW},
        }
        return {}

    def continuous(**asked):
        on = "ENABLED" if asked["TableName"] in recovery else "DISABLED"
        found = {"PointInTimeRecoveryStatus": on, "LatestRestorableDateTime": NOW}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": found}}

    def tag(**asked):
        tags[:] = asked["Tags"]
        return {}

    def turn_on(**asked):
        recovery.add(asked["TableName"])
        return {}

    def delete(**asked):
        del tables[asked["TableName"]]
        return {}

    return fake(
        {
            "dynamodb:describe_table": describe,
            "dynamodb:describe_continuous_backups": continuous,
            "dynamodb:restore_table_to_point_in_time": restore,
            "dynamodb:list_tags_of_resource": lambda **_: {"Tags": tags},
            "dynamodb:tag_resource": tag,
            "dynamodb:update_continuous_backups": turn_on,
            "dynamodb:delete_table": delete,
        }
    )


def ec2_copies(kind):
    """Images or Snapshots, with one in the source region."""
    key, name, states = {
        "image": ("Images", "ImageId", ("State", "available")),
        "snapshot": ("Snapshots", "SnapshotId", ("State", "completed")),
    }[kind]
    source = {name: "x-0a", states[0]: states[1], "StartTime": NOW, "CreationDate": NOW.isoformat(), "Name": "web"}
    made = []

    def copy(**asked):
        tags = asked["TagSpecifications"][0]["Tags"]
        made.append({**source, name: "x-0b", "Tags": tags})
        return {name: "x-0b"}

    def delete(**_):
        made.clear()
        return {}

    return fake(
        {
            f"ec2:describe_{key.lower()}@us-east-1": {key: [source]},
            f"ec2:describe_{key.lower()}": lambda **_: {key: list(made)},
            f"ec2:copy_{kind}": copy,
            f"ec2:{'deregister' if kind == 'image' else 'delete'}_{kind}": delete,
        }
    )


def s3_versions():
    versions = [
        {"Key": "a", "VersionId": "2", "LastModified": NOW, "IsLatest": True, "ETag": "bad", "Size": 3},
        {
            "Key": "a",
            "VersionId": "1",
            "LastModified": NOW - timedelta(hours=2),
            "IsLatest": False,
            "ETag": "good",
            "Size": 4,
        },
    ]

    def copy(**asked):
        assert asked["CopySource"]["VersionId"] == "1"
        versions[0]["IsLatest"] = False
        versions.insert(0, {**versions[-1], "VersionId": "3", "LastModified": NOW, "IsLatest": True})
        return {}

    return fake(
        {
            "s3:get_bucket_versioning": {"Status": "Enabled"},
            "s3:list_object_versions": lambda **_: {"Versions": [dict(version) for version in versions]},
            "s3:head_object": {},
            "s3:copy_object": copy,
        }
    )


def s3_replica():
    rules = [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::two"}}]
    objects = [{"Key": "a", "Size": 1, "ETag": "a", "LastModified": NOW}]
    return fake(
        {
            "s3:get_bucket_replication": {"ReplicationConfiguration": {"Rules": rules}},
            "s3:get_bucket_versioning": {"Status": "Enabled"},
            "s3:list_objects_v2": {"Contents": objects},
            "s3:head_object": {"ReplicationStatus": "COMPLETED"},
        }
    )


def backup():
    point = {"RecoveryPointArn": "arn:p", "ResourceType": "EBS", "Status": "COMPLETED", "CreationDate": NOW}
    jobs = []

    def start(**_):
        if not jobs:
            jobs.append(
                {
                    "RestoreJobId": "j",
                    "RecoveryPointArn": "arn:p",
                    "Status": "COMPLETED",
                    "CreationDate": NOW,
                    "CreatedResourceArn": "arn:made",
                }
            )
        return {"RestoreJobId": "j"}

    return fake(
        {
            "backup:list_recovery_points_by_backup_vault": {"RecoveryPoints": [point]},
            "backup:list_restore_jobs": lambda **_: {"RestoreJobs": list(jobs)},
            "backup:get_recovery_point_restore_metadata": {"RestoreMetadata": {"volumeId": "v"}},
            "backup:start_restore_job": start,
            "backup:describe_restore_job": lambda **_: dict(jobs[0]),
        }
    )


def secret():
    found = {"Name": "db", "VersionIdsToStages": {"v1": ["AWSCURRENT"]}, "ReplicationStatus": []}

    def here(**_):
        if not found["ReplicationStatus"]:
            raise aws_error("ResourceNotFoundException")
        return {"ARN": "arn:r", "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}

    def add(**_):
        found["ReplicationStatus"] = [{"Region": "eu-west-1", "Status": "InSync"}]
        return {}

    def remove(**_):
        found["ReplicationStatus"] = []
        return {}

    return fake(
        {
            "secretsmanager:describe_secret@us-east-1": lambda **_: dict(found),
            "secretsmanager:describe_secret": here,
            "secretsmanager:replicate_secret_to_regions": add,
            "secretsmanager:remove_regions_from_replication": remove,
        }
    )


def kms():
    primary = {"KeyId": "mrk-1", "MultiRegion": True, "MultiRegionConfiguration": {"MultiRegionKeyType": "PRIMARY"}}
    replicas, aliases = [], []

    def describe(**_):
        if not replicas:
            raise aws_error("NotFoundException")
        return {"KeyMetadata": replicas[0]}

    def replicate(**_):
        replicas.append({"KeyId": "mrk-1", "Arn": "arn:r", "KeyState": "Enabled"})
        return {}

    def create(**asked):
        aliases.append({"AliasName": asked["AliasName"], "TargetKeyId": asked["TargetKeyId"]})
        return {}

    return fake(
        {
            "kms:describe_key@us-east-1": {"KeyMetadata": primary},
            "kms:describe_key": describe,
            "kms:list_aliases": lambda **_: {"Aliases": list(aliases)},
            "kms:replicate_key": replicate,
            "kms:create_alias": create,
        }
    )


def rds_taken():
    """An instance, of which a snapshot may be taken, and a restored one, which may be deleted."""
    marks = [{"Key": "dr:managed", "Value": "runbook-engine"}, {"Key": "purpose", "Value": "look"}]
    instances = {"reviews": {"DBInstanceIdentifier": "reviews", "DBInstanceStatus": "available", "TagList": marks}}
    snapshots = {}

    def of(kind, key, missing):
        def describe(**asked):
            if key in asked and asked[key] not in kind:
                raise aws_error(missing)
            return {"DBInstances": list(kind.values()), "DBSnapshots": list(kind.values())}

        return describe

    def take(**asked):
        name = asked["DBSnapshotIdentifier"]
        snapshots[name] = {
            "DBSnapshotIdentifier": name,
            "DBInstanceIdentifier": asked["DBInstanceIdentifier"],
            "Status": "available",
            "SnapshotCreateTime": NOW,
            "TagList": asked["Tags"],
        }
        return {}

    return fake(
        {
            "rds:describe_db_instances": of(instances, "DBInstanceIdentifier", "DBInstanceNotFound"),
            "rds:describe_db_snapshots": of(snapshots, "DBSnapshotIdentifier", "DBSnapshotNotFound"),
            "rds:create_db_snapshot": take,
            "rds:delete_db_snapshot": lambda **asked: snapshots.pop(asked["DBSnapshotIdentifier"]),
            "rds:delete_db_instance": lambda **asked: instances.pop(asked["DBInstanceIdentifier"]),
        }
    )


def rds_there():
    snapshot = {"DBSnapshotIdentifier": "s1", "DBInstanceIdentifier": "reviews", "Status": "available"}
    return fake({"rds:describe_db_snapshots": {"DBSnapshots": [{**snapshot, "SnapshotCreateTime": NOW}]}})


def ec2_there():
    """An image, and a snapshot, that may be a volume."""
    snapshot = {"SnapshotId": "snap-0a", "State": "completed", "StartTime": NOW, "VolumeSize": 8}
    volumes = []

    def make(**asked):
        tags = asked["TagSpecifications"][0]["Tags"]
        volumes.append({"VolumeId": "vol-0a", "State": "available", "SnapshotId": "snap-0a", "Tags": tags})
        return {"VolumeId": "vol-0a"}

    def delete(**_):
        volumes.clear()
        return {}

    return fake(
        {
            "ec2:describe_images": {
                "Images": [{"ImageId": "ami-0a", "Name": "web", "State": "available", "CreationDate": NOW.isoformat()}]
            },
            "ec2:describe_snapshots": {"Snapshots": [snapshot]},
            "ec2:describe_volumes": lambda **_: {"Volumes": list(volumes)},
            "ec2:create_volume": make,
            "ec2:delete_volume": delete,
        }
    )


def blocks():
    listed = {"VolumeSize": 1, "BlockSize": 524288, "Blocks": [{"BlockIndex": 0, "BlockToken": "t"}]}
    return fake({"ebs:list_snapshot_blocks": listed, "ebs:get_snapshot_block": {"BlockData": b"data"}})


def table_there():
    """A table that may be deleted, with a backup."""
    tables = ["look"]
    backup = {"BackupName": "b", "BackupArn": "arn:b", "BackupStatus": "AVAILABLE", "BackupCreationDateTime": NOW}
    marks = [{"Key": "dr:managed", "Value": "runbook-engine"}, {"Key": "purpose", "Value": "look"}]

    def describe(**_):
        if not tables:
            raise aws_error("ResourceNotFoundException")
        return {"Table": {"TableName": "look", "TableArn": "arn:look", "TableStatus": "ACTIVE"}}

    def delete(**_):
        tables.clear()
        return {}

    return fake(
        {
            "dynamodb:list_backups": {"BackupSummaries": [backup]},
            "dynamodb:scan": {"Count": 1, "Items": [{"id": {"S": "a"}}]},
            "dynamodb:describe_table": describe,
            "dynamodb:list_tags_of_resource": {"Tags": marks},
            "dynamodb:delete_table": delete,
        }
    )


def pushed():
    return fake({"ecr:describe_images": {"imageDetails": [{"imageDigest": "sha256:a", "imagePushedAt": NOW}]}})


STANDBY = {"region": "eu-west-1"}
CASES = {
    "aws.ami_check": ({"name": "web*", **STANDBY}, ec2_there),
    "aws.backup_check": ({"vault": "dr", "resource": "arn:aws:ec2:us-east-1:1:volume/v", **STANDBY}, backup),
    "aws.delete_restored": ({"kind": "table", "name": "look", "tags": {"purpose": "look"}, **STANDBY}, table_there),
    "aws.dynamodb_backup_check": ({"table": "orders", **STANDBY}, table_there),
    "aws.dynamodb_verify": ({"table": "look", **STANDBY}, table_there),
    "aws.ebs_restore": ({"snapshot": "snap-0a", "name": "look", "zone": "eu-west-1a", **STANDBY}, ec2_there),
    "aws.ebs_snapshot_check": ({"tags": {"app": "reviews"}, **STANDBY}, ec2_there),
    "aws.ebs_snapshot_compare": (
        {"snapshot": "snap-0b", "source_snapshot": "snap-0a", "source_region": "us-east-1", **STANDBY},
        blocks,
    ),
    "aws.ecr_image_check": ({"repository": "reviews", "tag": "1", "source_region": "us-east-1", **STANDBY}, pushed),
    "aws.backup_restore": (
        {"vault": "dr", "recovery_point": "arn:p", "iam_role": "arn:aws:iam::123456789012:role/b", **STANDBY},
        backup,
    ),
    "aws.kms_replicate": ({"key": "mrk-1", "source_region": "us-east-1", "alias": "alias/dr", **STANDBY}, kms),
    "aws.secret_replicate": ({"secret": "db", "source_region": "us-east-1", **STANDBY}, secret),
    "aws.ami_copy": ({"source_region": "us-east-1", "image": "ami-0a", **STANDBY}, lambda: ec2_copies("image")),
    "aws.ebs_copy_snapshot": (
        {"source_region": "us-east-1", "snapshot": "snap-0a", **STANDBY},
        lambda: ec2_copies("snapshot"),
    ),
    "aws.s3_restore_versions": ({"bucket": "docs", "time": "2026-11-23T08:00:00Z", **STANDBY}, s3_versions),
    "aws.s3_replication_check": (
        {"bucket": "one", "source_region": "us-east-1", "replica": "two", **STANDBY},
        s3_replica,
    ),
    "aws.aurora_global_failover": ({"global_cluster": "g", "cluster": "c", **STANDBY}, aurora),
    "aws.dynamodb_restore": (
        {"source_table": "arn:aws:dynamodb:eu-west-1:123456789012:table/orders", "table": "orders-dr", **STANDBY},
        dynamodb,
    ),
    "aws.elasticache_global_failover": ({"global_group": "g", "group": "s-eu", **STANDBY}, elasticache),
    "aws.rds_copy_snapshot": ({"source_region": "us-east-1", "snapshot": "s1", **STANDBY}, rds_snapshots),
    "aws.rds_create_snapshot": ({"instance": "reviews", "name": "s1", **STANDBY}, rds_taken),
    "aws.rds_delete_restored": ({"instance": "reviews", "tags": {"purpose": "look"}, **STANDBY}, rds_taken),
    "aws.rds_snapshot_check": ({"source_instance": "reviews", **STANDBY}, rds_there),
    "aws.rds_restore_pitr": ({"source_instance": "reviews", "instance": "r2", **STANDBY}, rds_times),
    "aws.rds_promote_replica": ({"instance": "r", **STANDBY}, rds_replica),
}
