"""A scene for each AWS action: what is there before a dry run, and the step's parameters, so that it would change something.

Each scene prepares an emulator with boto3 and gives the parameters. Scenes of one emulator stand side by side, so that
one dry run looks at all of them. What no emulator has is a fake held to botocore's model that can only be read.
"""

import base64
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

from support.aws_model import ModelService

HOME, STANDBY, ACCOUNT = "us-east-1", "eu-west-1", "123456789012"
IMAGE = "ami-12c6146b"
VOLUME = f"arn:aws:ec2:{HOME}:{ACCOUNT}:volume/vol-0a"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 2,
            "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        },
        "layers": [],
    }
)
MOTO, MINISTACK, MODEL = {}, {}, {}


def scene(table, action):
    """Note a function as the scene of an action on an emulator."""

    def note(function):
        table[action] = function
        return function

    return note


def database(boto, name, region=HOME):
    """A small PostgreSQL instance."""
    boto("rds", region).create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="dr",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
    )


def bucket(boto, name, region, *, versions=False):
    """A bucket, with versions where they are asked for."""
    where = {} if region == HOME else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    boto("s3", region).create_bucket(Bucket=name, **where)
    if versions:
        boto("s3", region).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


@scene(MOTO, "aws.identity")
def identity(_):
    return {"account": ACCOUNT, "region": STANDBY}


@scene(MOTO, "aws.rds_copy_snapshot")
def rds_copy(boto):
    database(boto, "to-copy")
    boto("rds", HOME).create_db_snapshot(DBInstanceIdentifier="to-copy", DBSnapshotIdentifier="to-copy-1")
    return {"source_region": HOME, "snapshot": "latest", "source_instance": "to-copy", "region": STANDBY}


@scene(MOTO, "aws.rds_create_snapshot")
def rds_create(boto):
    database(boto, "to-keep")
    return {"instance": "to-keep", "name": "to-keep-back", "region": HOME}


@scene(MOTO, "aws.rds_snapshot_check")
def rds_snapshots(boto):
    database(boto, "checked")
    boto("rds", HOME).create_db_snapshot(DBInstanceIdentifier="checked", DBSnapshotIdentifier="checked-1")
    return {"source_instance": "checked", "snapshot": "checked-1", "region": HOME}


@scene(MOTO, "aws.rds_restore_snapshot")
def rds_restore(boto):
    database(boto, "lost", STANDBY)
    boto("rds").create_db_snapshot(DBInstanceIdentifier="lost", DBSnapshotIdentifier="lost-1")
    return {"snapshot": "latest", "source_instance": "lost", "instance": "lost-dr", "region": STANDBY}


@scene(MOTO, "aws.rds_restore_pitr")
def rds_time(boto):
    database(boto, "earlier")
    return {"source_instance": "earlier", "instance": "earlier-dr", "region": HOME}


@scene(MOTO, "aws.rds_delete_restored")
def rds_delete(boto):
    database(boto, "look")
    tags = [{"Key": key, "Value": value} for key, value in {"dr:managed": "runbook-engine", "purpose": "look"}.items()]
    name = f"arn:aws:rds:{HOME}:{ACCOUNT}:db:look"
    boto("rds", HOME).add_tags_to_resource(ResourceName=name, Tags=tags)
    return {"instance": "look", "tags": {"purpose": "look"}, "region": HOME}


@scene(MOTO, "aws.rds_promote_replica")
def rds_promote(boto):
    database(boto, "writer")
    source = f"arn:aws:rds:{HOME}:{ACCOUNT}:db:writer"
    boto("rds").create_db_instance_read_replica(DBInstanceIdentifier="reader", SourceDBInstanceIdentifier=source)
    metric = {
        "MetricName": "ReplicaLag",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "reader"}],
        "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
        "Value": 30,
    }
    boto("cloudwatch").put_metric_data(Namespace="AWS/RDS", MetricData=[metric])
    return {"instance": "reader", "region": STANDBY}


@scene(MOTO, "aws.dynamodb_restore")
def dynamodb(boto):
    small_table(boto, "orders")
    boto("dynamodb").update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    source = f"arn:aws:dynamodb:{STANDBY}:{ACCOUNT}:table/orders"
    return {"source_table": source, "table": "orders-dr", "region": STANDBY}


@scene(MOTO, "aws.ami_copy")
def ami(boto):
    ec2 = boto("ec2", HOME)
    instance = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    image = ec2.create_image(InstanceId=instance, Name="web")["ImageId"]
    return {"image": image, "source_region": HOME, "region": STANDBY}


@scene(MOTO, "aws.ebs_copy_snapshot")
def ebs(boto):
    ec2 = boto("ec2", HOME)
    volume = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=8)["VolumeId"]
    return {
        "snapshot": ec2.create_snapshot(VolumeId=volume)["SnapshotId"],
        "source_region": HOME,
        "region": STANDBY,
    }


@scene(MOTO, "aws.ami_check")
def ami_there(boto):
    image = boto("ec2", HOME).register_image(Name="kept-1", RootDeviceName="/dev/xvda", Architecture="x86_64")
    boto("ec2").copy_image(Name="kept-1", SourceImageId=image["ImageId"], SourceRegion=HOME)
    return {"name": "kept-*", "source_region": HOME, "region": STANDBY, "max_age": "1h"}


@scene(MOTO, "aws.ebs_snapshot_check")
def ebs_there(boto):
    copy = snapshot_with_copy(boto, "checked")[1]
    boto("ec2").create_tags(Resources=[copy], Tags=[{"Key": "app", "Value": "kept"}])
    return {"tags": {"app": "kept"}, "source_region": HOME, "region": STANDBY, "max_age": "1h"}


@scene(MOTO, "aws.ebs_snapshot_compare")
def ebs_same(boto):
    source, copy = snapshot_with_copy(boto, "compared")
    return {"snapshot": copy, "source_snapshot": source, "source_region": HOME, "region": STANDBY}


@scene(MOTO, "aws.ebs_restore")
def ebs_volume(boto):
    volume = boto("ec2").create_volume(AvailabilityZone=f"{STANDBY}a", Size=8)["VolumeId"]
    snapshot = boto("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    return {"snapshot": snapshot, "name": "look", "zone": f"{STANDBY}a", "region": STANDBY}


def snapshot_with_copy(boto, words, blocks=(0, 3, 700)):
    """Two snapshots with the same blocks, one in each region, the second of which says what it is a copy of."""
    made = []
    for region in (HOME, STANDBY):
        ebs = boto("ebs", region)
        text = f"[Copied {made[0]} from {HOME}]" if made else words
        snapshot = ebs.start_snapshot(VolumeSize=1, Description=text)["SnapshotId"]
        for index in blocks:
            data = f"{words} {index}".encode().ljust(524288, b"\0")
            ebs.put_snapshot_block(
                SnapshotId=snapshot,
                BlockIndex=index,
                BlockData=data,
                DataLength=len(data),
                Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(),
                ChecksumAlgorithm="SHA256",
            )
        ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(blocks))
        made.append(snapshot)
    return made


@scene(MOTO, "aws.ecr_image_check")
def container(boto):
    for region in (HOME, STANDBY):
        boto("ecr", region).create_repository(repositoryName="reviews")
        boto("ecr", region).put_image(repositoryName="reviews", imageTag="1", imageManifest=MANIFEST)
    return {"repository": "reviews", "tag": "1", "source_region": HOME, "region": STANDBY}


@scene(MOTO, "aws.dynamodb_backup_check")
def dynamodb_kept(boto):
    small_table(boto, "kept")
    boto("dynamodb").create_backup(TableName="kept", BackupName="kept-1")
    return {"table": "kept", "region": STANDBY, "max_age": "1h"}


@scene(MOTO, "aws.dynamodb_verify")
def dynamodb_right(boto):
    small_table(boto, "right")
    boto("dynamodb").put_item(TableName="right", Item={"id": {"S": "a"}})
    return {"table": "right", "region": STANDBY, "samples": [{"key": {"id": "a"}}]}


@scene(MOTO, "aws.delete_restored")
def dynamodb_look(boto):
    small_table(boto, "look", {"dr:managed": "runbook-engine", "purpose": "look"})
    return {"kind": "table", "name": "look", "tags": {"purpose": "look"}, "region": STANDBY}


def small_table(boto, name, tags=None):
    """A table with a key of one text."""
    boto("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )


@scene(MOTO, "aws.ec2_launch")
def launch(boto):
    data = {"ImageId": IMAGE, "InstanceType": "t3.micro"}
    boto("ec2").create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    return {"name": "web-dr", "count": 2, "launch_template": "web", "region": STANDBY}


@scene(MOTO, "aws.asg_capacity")
def asg(boto):
    scaling = boto("autoscaling")
    scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=IMAGE, InstanceType="t3.micro")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=1,
        AvailabilityZones=[f"{STANDBY}a"],
    )
    return {"group": "web", "min": 2, "desired": 3, "region": STANDBY}


@scene(MOTO, "aws.ecs_service")
def ecs(boto):
    services = boto("ecs")
    services.create_cluster(clusterName="c")
    container = {"name": "web", "image": "web", "memory": 64}
    services.register_task_definition(family="web", containerDefinitions=[container])
    services.create_service(cluster="c", serviceName="web", taskDefinition="web:1", desiredCount=0)
    return {"cluster": "c", "service": "web", "desired": 2, "region": STANDBY}


@scene(MOTO, "aws.lambda_deploy")
def functions(boto):
    old, new = packed("old = True"), packed("new = True")
    bucket(boto, "releases", STANDBY)
    boto("s3").put_object(Bucket="releases", Key="orders.zip", Body=new)
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = boto("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    boto("lambda").create_function(
        FunctionName="orders", Runtime="python3.13", Handler="main.run", Role=role, Code={"ZipFile": old}
    )
    package = {"bucket": "releases", "key": "orders.zip", "sha256": hashlib.sha256(new).hexdigest()}
    return {"function": "orders", "package": package, "region": STANDBY}


def packed(text):
    """A zip archive of one module."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), text)
    return file.getvalue()


@scene(MOTO, "aws.route53_records")
def dns(boto):
    route53 = boto("route53", HOME)
    zone = route53.create_hosted_zone(Name="reviews.example.", CallerReference="1")["HostedZone"]["Id"]
    record = {"Name": "app.reviews.example.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "us.example."}]}
    changes = [{"Action": "CREATE", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    wanted = {"name": "app.reviews.example", "type": "CNAME", "ttl": 60, "values": ["eu.example"]}
    return {"zone": "reviews.example", "records": [wanted]}


@scene(MOTO, "aws.s3_sync")
def s3_sync(boto):
    bucket(boto, "artifacts-home", HOME)
    bucket(boto, "artifacts-standby", STANDBY)
    boto("s3", HOME).put_object(Bucket="artifacts-home", Key="app.tar", Body=b"app")
    return {
        "source_bucket": "artifacts-home",
        "source_region": HOME,
        "dest_bucket": "artifacts-standby",
        "region": STANDBY,
    }


@scene(MOTO, "aws.s3_restore_versions")
def s3_versions(boto):
    """An object that came after the time; the time is a day ago, so nobody has to wait for S3's whole seconds."""
    bucket(boto, "docs", HOME, versions=True)
    boto("s3", HOME).put_object(Bucket="docs", Key="ransom-note", Body=b"pay")
    then = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    return {"bucket": "docs", "time": then, "region": HOME, "delete": True}


@scene(MOTO, "aws.secret_replicate")
def secret(boto):
    boto("secretsmanager", HOME).create_secret(Name="reviews/database", SecretString="not-a-secret")
    return {"secret": "reviews/database", "source_region": HOME, "region": STANDBY}


@scene(MOTO, "aws.kms_replicate")
def kms(boto):
    key = boto("kms", HOME).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    return {"key": key, "source_region": HOME, "region": STANDBY}


@scene(MOTO, "aws.rule_state")
def rule(boto):
    boto("events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)", State="DISABLED")
    return {"rule": "nightly", "state": "enabled", "region": STANDBY}


@scene(MOTO, "aws.health_check")
def health(boto):
    config = {"Type": "HTTPS", "FullyQualifiedDomainName": "app.example.com", "Port": 443, "FailureThreshold": 3}
    made = boto("route53", HOME).create_health_check(CallerReference="1", HealthCheckConfig=config)
    return {"health_check": made["HealthCheck"]["Id"], "inverted": True}


@scene(MOTO, "aws.ssm_command")
def command(_):
    return {"instances": ["i-0123456789abcdef0"], "commands": ["systemctl restart app"], "region": STANDBY}


@scene(MINISTACK, "aws.aurora_global_failover")
def aurora(boto):
    home, standby = boto("rds", HOME), boto("rds")
    login = {"MasterUsername": "dr", "MasterUserPassword": "not-a-secret"}
    home.create_global_cluster(GlobalClusterIdentifier="g", Engine="aurora-postgresql")
    home.create_db_cluster(DBClusterIdentifier="c-us", Engine="aurora-postgresql", GlobalClusterIdentifier="g", **login)
    standby.create_db_cluster(DBClusterIdentifier="c-eu", Engine="aurora-postgresql", GlobalClusterIdentifier="g")
    return {"global_cluster": "g", "cluster": "c-eu", "region": STANDBY}


@scene(MINISTACK, "aws.s3_replication_check")
def replication(boto):
    bucket(boto, "one", HOME, versions=True)
    bucket(boto, "two", STANDBY, versions=True)
    rule = {
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::two"},
    }
    boto("s3", HOME).put_bucket_replication(
        Bucket="one", ReplicationConfiguration={"Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Rules": [rule]}
    )
    boto("s3", HOME).put_object(Bucket="one", Key="after", Body=b"replicated")
    return {"bucket": "one", "source_region": HOME, "replica": "two", "region": STANDBY}


@scene(MINISTACK, "aws.cfn_deploy")
def stack(_):
    return {"stack": "app", "template": "app.yml", "region": STANDBY}


@scene(MODEL, "aws.elasticache_global_failover")
def cache(_):
    return {"global_group": "ldgnf-s", "group": "s-eu", "region": STANDBY}


@scene(MODEL, "aws.backup_restore")
def backup(_):
    return {
        "vault": "dr",
        "recovery_point": "latest",
        "resource": VOLUME,
        "iam_role": f"arn:aws:iam::{ACCOUNT}:role/backup",
        "metadata": {"availabilityZone": f"{STANDBY}a"},
        "region": STANDBY,
    }


@scene(MODEL, "aws.backup_check")
def backup_there(_):
    return {"vault": "dr", "resource": VOLUME, "region": STANDBY, "max_age": "24h"}


@scene(MODEL, "aws.eks_nodegroup")
def eks(_):
    return {"cluster": "c", "nodegroup": "web", "min": 2, "desired": 3, "region": STANDBY}


@scene(MODEL, "aws.arc_routing_control")
def arc(boto):
    """The emulator stands for the cluster's endpoint, too."""
    panel = f"arn:aws:route53-recovery-control::{ACCOUNT}:controlpanel/0a/routingcontrol"
    endpoint = boto("sts").meta.endpoint_url
    return {"endpoints": {STANDBY: endpoint}, "controls": {f"{panel}/a": "Off", f"{panel}/b": "On"}, "region": STANDBY}


class Arc(ModelService):
    """A cluster whose first control is on."""

    service = "route53-recovery-cluster"

    def get_routing_control_state(self, asked, region):
        name = asked["RoutingControlArn"]
        return {"RoutingControlArn": name, "RoutingControlState": "On" if name.endswith("/a") else "Off"}


class Elasticache(ModelService):
    """A global datastore whose primary is at home."""

    service = "elasticache"

    def describe_global_replication_groups(self, asked, region):
        members = [
            {
                "ReplicationGroupId": f"s-{place[:2]}",
                "ReplicationGroupRegion": place,
                "Role": role,
                "Status": "associated",
            }
            for place, role in ((HOME, "PRIMARY"), (STANDBY, "SECONDARY"))
        ]
        return {"GlobalReplicationGroups": [{"Status": "available", "Members": members}]}

    def describe_replication_groups(self, asked, region):
        nodes = [{"PrimaryEndpoint": {"Address": "cache.example.com", "Port": 6379}}]
        return {"ReplicationGroups": [{"ReplicationGroupId": asked["ReplicationGroupId"], "NodeGroups": nodes}]}


class Backup(ModelService):
    """A vault with one recovery point."""

    service = "backup"

    def list_recovery_points_by_backup_vault(self, asked, region):
        point = {
            "RecoveryPointArn": f"arn:aws:backup:{STANDBY}:{ACCOUNT}:recovery-point:1EB3B5E7",
            "ResourceArn": VOLUME,
            "ResourceType": "EBS",
            "Status": "COMPLETED",
            "CreationDate": datetime.now(UTC) - timedelta(hours=3),
        }
        return {"RecoveryPoints": [point]}

    def get_recovery_point_restore_metadata(self, asked, region):
        return {"RecoveryPointArn": asked["RecoveryPointArn"], "RestoreMetadata": {"volumeId": "vol-0a"}}

    def list_restore_jobs(self, asked, region):
        return {"RestoreJobs": []}


class Eks(ModelService):
    """A node group of one instance."""

    service = "eks"

    def describe_nodegroup(self, asked, region):
        node = {
            "nodegroupName": "web",
            "nodegroupArn": f"arn:aws:eks:{region}:{ACCOUNT}:nodegroup/c/web/1",
            "status": "ACTIVE",
            "scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 1},
            "resources": {"autoScalingGroups": [{"name": "eks-web"}]},
            "health": {"issues": []},
            "tags": {},
        }
        return {"nodegroup": node}


class AutoScaling(ModelService):
    """The node group's Auto Scaling group."""

    service = "autoscaling"

    def describe_auto_scaling_groups(self, asked, region):
        group = {
            "AutoScalingGroupName": "eks-web",
            "MinSize": 0,
            "MaxSize": 2,
            "DesiredCapacity": 1,
            "DefaultCooldown": 300,
            "AvailabilityZones": [f"{region}a"],
            "HealthCheckType": "EC2",
            "CreatedTime": datetime(2026, 11, 1, tzinfo=UTC),
            "Instances": [],
        }
        return {"AutoScalingGroups": [group]}


def readable_fakes():
    """The fakes that the scenes of `MODEL` stand on; a change is no operation of theirs."""
    return Arc(), Elasticache(), Backup(), Eks(), AutoScaling()
