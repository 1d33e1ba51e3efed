"""The backups that a lab with capacity keeps in both regions, and AWS Backup's jobs, which are the lab's own fake."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from support.aws_model import misfits

from runbook_engine.lab import client
from runbook_engine.lab.breaks import Broken

ROLE = "arn:aws:iam::123456789012:role/backup"


@pytest.fixture(scope="module")
def lab(tmp_path_factory, running_lab):
    with running_lab(tmp_path_factory.mktemp("lab"), "--capacity") as (addresses, _):
        yield addresses


@pytest.fixture
def aws(lab):
    """Clients whose answers must fit botocore's model: nothing in them that AWS does not say."""
    session = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
    config = Config(proxies={}, retries={"total_max_attempts": 1})

    def make(service, region="eu-west-1"):
        made = session.client(service, region, endpoint_url=lab.aws_endpoint, config=config)
        if service == "backup":
            made.meta.events.register("after-call.backup", fits)
        return made

    return make


def fits(model, parsed, **_):
    if "Error" not in parsed:
        answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        assert not list(misfits(model.output_shape, answer, model.name))


def newest(backup):
    (point,) = backup.list_recovery_points_by_backup_vault(BackupVaultName="reviews")["RecoveryPoints"]
    return point["RecoveryPointArn"]


def start(backup, table, token):
    metadata = {"targetTableName": table, "encryptionType": "Default"}
    return backup.start_restore_job(
        RecoveryPointArn=newest(backup), Metadata=metadata, IamRoleArn=ROLE, IdempotencyToken=token
    )["RestoreJobId"]


def ended(backup, job):
    seen = backup.describe_restore_job(RestoreJobId=job)
    while seen["Status"] == "RUNNING":
        seen = backup.describe_restore_job(RestoreJobId=job)
    return seen


def test_each_class_of_backup_is_in_both_regions(aws):
    for region in ("us-east-1", "eu-west-1"):
        assert aws("ec2", region).describe_images(Owners=["self"])["Images"][0]["Name"] == "reviews-1.4.2"
        tags = [{"Name": "tag:app", "Values": ["reviews"]}]
        assert len(aws("ec2", region).describe_snapshots(Filters=tags)["Snapshots"]) == 1
        assert len(aws("dynamodb", region).list_backups(TableName="reviews-sessions")["BackupSummaries"]) == 1
        assert newest(aws("backup", region)).split(":")[3] == region
        assert aws("ecr", region).describe_images(repositoryName="reviews")["imageDetails"][0]["imageTags"] == ["1.4.2"]
        assert aws("kms", region).describe_key(KeyId="alias/reviews")["KeyMetadata"]["MultiRegion"]


def test_a_restore_job_runs_and_brings_the_tables_items_and_its_token_is_one_job(aws):
    backup, tables = aws("backup"), aws("dynamodb")
    arn = newest(backup)
    asked = {"BackupVaultName": "reviews", "RecoveryPointArn": arn}
    assert backup.get_recovery_point_restore_metadata(**asked)["RestoreMetadata"]["targetTableName"]
    job = start(backup, "from-job", "once")
    assert start(backup, "from-job", "once") == job
    assert backup.list_restore_jobs()["RestoreJobs"][0]["Status"] == "RUNNING"
    seen = ended(backup, job)
    assert (seen["Status"], seen["CreatedResourceArn"]) == (
        "COMPLETED", tables.describe_table(TableName="from-job")["Table"]["TableArn"],
    )  # fmt: skip
    assert tables.scan(TableName="from-job")["Count"] == 100
    with pytest.raises(ClientError, match="TableAlreadyExists"):
        start(backup, "from-job", "twice")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        backup.describe_restore_job(RestoreJobId="none")


def test_a_restored_table_says_what_it_is_from_and_wrong_data_is_mended(lab, aws):
    tables = aws("dynamodb")
    backup = tables.list_backups(TableName="reviews-sessions")["BackupSummaries"][0]["BackupArn"]
    client.set_broken(lab, Broken("wrong-data"), broken=True)
    tables.restore_table_from_backup(TargetTableName="spoilt", BackupArn=backup)
    summary = tables.describe_table(TableName="spoilt")["Table"]["RestoreSummary"]
    assert (summary["SourceBackupArn"], summary["RestoreInProgress"]) == (backup, False)
    assert tables.scan(TableName="spoilt")["Count"] == 80
    assert tables.scan(TableName="reviews-sessions")["Count"] == 100, "what is in use is right"
    client.set_broken(lab, Broken("wrong-data"), broken=False)
    assert tables.scan(TableName="spoilt")["Count"] == 100
    tables.delete_table(TableName="spoilt")
    tables.restore_table_from_backup(TargetTableName="spoilt", BackupArn=backup)
    assert tables.scan(TableName="spoilt")["Count"] == 100


def test_a_copied_snapshots_blocks_can_be_wrong_and_the_originals_are_not(lab, aws):
    def block(region):
        ebs = aws("ebs", region)
        tags = [{"Name": "tag:app", "Values": ["reviews"]}]
        snapshot = aws("ec2", region).describe_snapshots(Filters=tags)["Snapshots"][0]["SnapshotId"]
        listed = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"][0]
        return ebs.get_snapshot_block(
            SnapshotId=snapshot, BlockIndex=listed["BlockIndex"], BlockToken=listed["BlockToken"]
        )["BlockData"].read()

    right = block("us-east-1")
    assert block("eu-west-1") == right
    client.set_broken(lab, Broken("wrong-data"), broken=True)
    wrong = block("eu-west-1")
    assert block("us-east-1") == right
    client.set_broken(lab, Broken("wrong-data"), broken=False)
    assert wrong != right
    assert block("eu-west-1") == right
