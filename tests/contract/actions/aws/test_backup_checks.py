"""What verifies backups, restores them to look at, and removes that again, through boto3 against the emulators."""

from datetime import UTC, datetime, timedelta

import pytest
from support.aws_model import ModelService
from support.aws_scenes import HOME, IMAGE, MANIFEST, STANDBY, small_table, snapshot_with_copy

from runbook_engine.actions.aws.ami_check import AmiCheck
from runbook_engine.actions.aws.delete_restored import DeleteRestored
from runbook_engine.actions.aws.dynamodb_backup_check import DynamodbBackupCheck
from runbook_engine.actions.aws.dynamodb_restore import DynamodbRestore
from runbook_engine.actions.aws.dynamodb_verify import DynamodbVerify
from runbook_engine.actions.aws.ebs_restore import EbsRestore
from runbook_engine.actions.aws.ebs_snapshot_check import EbsSnapshotCheck
from runbook_engine.actions.aws.ebs_snapshot_compare import EbsSnapshotCompare
from runbook_engine.actions.aws.ec2_launch import Ec2Launch
from runbook_engine.actions.aws.ecr_image_check import EcrImageCheck
from runbook_engine.sdk import ActionFailedError

TAGS = {"purpose": "backup-verification"}
POLL = {"region": STANDBY, "poll": "1s"}


@pytest.fixture
def context(moto, cloud):
    return cloud(moto.endpoint)


def test_a_copied_image_counts_from_its_original_and_a_missing_one_is_told(moto, context, boto, looks_without_writing):
    source = boto("ec2", HOME).register_image(Name="web-1", RootDeviceName="/dev/xvda")["ImageId"]
    where = {"name": "web-*", "region": STANDBY, "source_region": HOME}
    with pytest.raises(ActionFailedError, match="no available image"):
        looks_without_writing(moto, AmiCheck(), where, context)
    copy = boto("ec2").copy_image(Name="web-1", SourceImageId=source, SourceRegion=HOME)["ImageId"]
    finding = looks_without_writing(moto, AmiCheck(), where, context)
    assert (finding.status, finding.outputs["image"]) == ("satisfied", copy)
    assert datetime.now(UTC) - finding.recovery_point < timedelta(minutes=1)


def test_a_snapshots_blocks_are_compared_and_one_that_differs_is_named(moto, context, boto, looks_without_writing):
    source, copy = snapshot_with_copy(boto, "data", blocks=range(0, 2000, 100))
    boto("ec2").create_tags(Resources=[copy], Tags=[{"Key": "app", "Value": "reviews"}])
    found = looks_without_writing(
        moto, EbsSnapshotCheck(), {"tags": {"app": "reviews"}, "region": STANDBY, "max_age": "1h"}, context
    )
    assert (found.outputs["snapshot"], found.outputs["source"]) == (copy, source)
    where = {"snapshot": copy, "region": STANDBY, "source_snapshot": source, "source_region": HOME}
    same = looks_without_writing(moto, EbsSnapshotCompare(), {**where, "blocks": 5}, context)
    assert (same.status, same.outputs["compared"]) == ("satisfied", 5)
    assert moto.count("ebs:GetSnapshotBlock") == 10
    block = b"other".ljust(524288, b"\0")
    boto("ebs").put_snapshot_block(
        SnapshotId=copy, BlockIndex=1300, BlockData=block, DataLength=len(block), Checksum="x",
        ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    with pytest.raises(ActionFailedError, match="block 1300"):
        looks_without_writing(moto, EbsSnapshotCompare(), {**where, "blocks": 20}, context)


def test_a_volume_is_restored_once_then_is_unchanged_then_is_removed(
    moto, context, boto, step, looks_without_writing, survives_a_lost_reply
):
    volume = boto("ec2").create_volume(AvailabilityZone=f"{STANDBY}a", Size=8)["VolumeId"]
    snapshot = boto("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    params = {"snapshot": snapshot, "name": "look", "zone": f"{STANDBY}b", "tags": TAGS, **POLL}
    assert looks_without_writing(moto, EbsRestore(), params, context).status == "unsatisfied"
    moto.slow("ec2:DescribeVolumes", b"<status>available<", b"<status>creating<", 4, after="ec2:CreateVolume")
    survives_a_lost_reply(moto, "ec2:CreateVolume", EbsRestore(), params, context)
    outcome, finding, outputs = step(EbsRestore(), params, context)
    assert (outcome, outputs["size"], outputs["zone"]) == ("unchanged", 8, f"{STANDBY}b")
    assert finding.recovery_point is not None
    assert any("creating" in text for text in context.progress_texts)

    gone = {"kind": "volume", "name": "look", "tags": TAGS, **POLL}
    assert step(DeleteRestored(), gone, context)[0] == "changed"
    assert step(DeleteRestored(), gone, context)[0] == "unchanged"
    assert [one["VolumeId"] for one in boto("ec2").describe_volumes()["Volumes"]] == [volume]


def test_instances_that_were_launched_to_look_are_terminated_and_others_are_not(moto, context, boto, step):
    boto("ec2").run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)
    launch = {"name": "look", "image": IMAGE, "instance_type": "t3.micro", "tags": TAGS, **POLL}
    (mine,) = step(Ec2Launch(), launch, context)[2]["instances"]
    gone = {"kind": "instance", "name": "look", "tags": TAGS, **POLL}
    with pytest.raises(ActionFailedError, match="does not carry the tag purpose=other"):
        step(DeleteRestored(), {**gone, "tags": {"purpose": "other"}}, context)
    assert step(DeleteRestored(), gone, context)[0] == "changed"
    states = {
        one["InstanceId"]: one["State"]["Name"]
        for reservation in boto("ec2").describe_instances()["Reservations"]
        for one in reservation["Instances"]
    }
    assert states.pop(mine) == "terminated"
    assert list(states.values()) == ["running"]


@pytest.mark.parametrize("emulator", ["moto", "ministack"])
def test_a_table_is_restored_from_its_newest_backup_verified_and_removed(
    emulator, request, cloud, boto, step, looks_without_writing
):
    faults = request.getfixturevalue(emulator)
    context = cloud(faults.endpoint)
    small_table(boto, "orders")
    tables = boto("dynamodb")
    for number in range(120):
        item = {"id": {"S": f"o-{number}"}, "at": {"S": "2026-11-23T08:30:00Z"}, "sum": {"N": str(number)}}
        tables.put_item(TableName="orders", Item=item)
    tables.create_backup(TableName="orders", BackupName="orders-1")
    tables.delete_item(TableName="orders", Key={"id": {"S": "o-7"}})
    found = looks_without_writing(faults, DynamodbBackupCheck(), {"table": "orders", "region": STANDBY}, context)
    assert found.status == "satisfied"
    restore(emulator, found.outputs["backup"], context, step, tables)

    wanted = {
        "table": "orders-look",
        "region": STANDBY,
        "min_items": 120,
        "attributes": ["id", "sum"],
        "samples": [{"key": {"id": "o-7"}, "equals": {"sum": 7}}],
    }
    verified = looks_without_writing(faults, DynamodbVerify(), wanted, context)
    assert (verified.status, verified.outputs["items"]) == ("satisfied", 120)
    tables.delete_item(TableName="orders-look", Key={"id": {"S": "o-7"}})
    lost = looks_without_writing(faults, DynamodbVerify(), wanted, context)
    assert lost.summary == "table orders-look: holds 119 items, less than 120; there is no item id=o-7"

    gone = {"kind": "table", "name": "orders-look", "tags": TAGS, **POLL}
    assert step(DeleteRestored(), gone, context)[0] == "changed"
    assert tables.list_tables()["TableNames"] == ["orders"]
    with pytest.raises(ActionFailedError, match="was not made by a runbook"):
        step(DeleteRestored(), {**gone, "name": "orders"}, context)


def restore(emulator, backup, context, step, tables):
    """Restore by the action; ministack does not say what a table was restored from, so there by hand."""
    if emulator == "moto":
        params = {"backup": backup, "table": "orders-look", "tags": TAGS, **POLL}
        assert step(DynamodbRestore(), params, context)[0] == "changed"
        return
    made = tables.restore_table_from_backup(TargetTableName="orders-look", BackupArn=backup)["TableDescription"]
    tags = {"dr:managed": "runbook-engine", **TAGS}
    tables.tag_resource(ResourceArn=made["TableArn"], Tags=[{"Key": k, "Value": v} for k, v in tags.items()])


def test_an_image_is_compared_by_its_digest(moto, context, boto, looks_without_writing):
    for region in (HOME, STANDBY):
        boto("ecr", region).create_repository(repositoryName="reviews")
    boto("ecr", HOME).put_image(repositoryName="reviews", imageTag="1", imageManifest=MANIFEST)
    where = {"repository": "reviews", "tag": "1", "region": STANDBY, "source_region": HOME}
    with pytest.raises(ActionFailedError, match="no image reviews:1 in eu-west-1"):
        looks_without_writing(moto, EcrImageCheck(), where, context)
    boto("ecr").put_image(repositoryName="reviews", imageTag="1", imageManifest=MANIFEST)
    assert looks_without_writing(moto, EcrImageCheck(), where, context).status == "satisfied"


class Jobs(ModelService):
    """A restore job that has made something."""

    service = "backup"

    def __init__(self):
        self.made, self.began = "", datetime.now(UTC)

    def describe_restore_job(self, asked, region):
        return {
            "RestoreJobId": asked["RestoreJobId"],
            "Status": "COMPLETED",
            "CreationDate": self.began,
            "CompletionDate": datetime.now(UTC),
            "CreatedResourceArn": self.made,
        }


def test_what_aws_backup_restored_is_removed_and_what_was_there_before_is_not(moto, modelled, cloud, boto, step):
    jobs = Jobs()
    context = cloud(moto.endpoint, backup=modelled(jobs).endpoint)
    volume = boto("ec2").create_volume(AvailabilityZone=f"{STANDBY}a", Size=8)["VolumeId"]
    jobs.made = f"arn:aws:ec2:{STANDBY}:123456789012:volume/{volume}"
    jobs.began = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(ActionFailedError, match="is older than job j"):
        step(DeleteRestored(), {"restore_job": "j", **POLL}, context)
    jobs.began = datetime.now(UTC) - timedelta(minutes=1)
    assert step(DeleteRestored(), {"restore_job": "j", **POLL}, context)[0] == "changed"
    assert boto("ec2").describe_volumes()["Volumes"] == []
    assert step(DeleteRestored(), {"restore_job": "j", **POLL}, context)[0] == "unchanged"
