"""aws.backup_restore against the model: no emulator has restore jobs."""

from datetime import UTC, datetime, timedelta

import pytest
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.backup_restore import BackupRestore
from runbook_engine.sdk import ActionFailedError

POINT = "arn:aws:backup:eu-west-1:123456789012:recovery-point:1EB3B5E7"
VOLUME = "arn:aws:ec2:us-east-1:123456789012:volume/vol-0a"
RESTORE = {
    "vault": "dr",
    "recovery_point": "latest",
    "resource": VOLUME,
    "iam_role": "arn:aws:iam::123456789012:role/backup",
    "metadata": {"availabilityZone": "eu-west-1a"},
    "region": "eu-west-1",
    "poll": "1s",
}
ACTION = BackupRestore()


class Backup(ModelService):
    """A vault with one recovery point; a restore takes four looks, and the same token is the same job."""

    service = "backup"

    def __init__(self):
        self.jobs, self.tokens, self.looks, self.end = {}, {}, 4, "COMPLETED"
        self.made = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0b"

    def list_recovery_points_by_backup_vault(self, asked, region):
        assert (asked["BackupVaultName"], asked["ByResourceArn"]) == ("dr", VOLUME)
        point = {
            "RecoveryPointArn": POINT,
            "ResourceArn": VOLUME,
            "ResourceType": "EBS",
            "Status": "COMPLETED",
            "CreationDate": datetime.now(UTC) - timedelta(hours=3),
        }
        return {"RecoveryPoints": [point]}

    def get_recovery_point_restore_metadata(self, asked, region):
        return {"RecoveryPointArn": POINT, "RestoreMetadata": {"volumeId": "vol-0a", "encrypted": "false"}}

    def start_restore_job(self, asked, region):
        assert asked["Metadata"] == {"volumeId": "vol-0a", "encrypted": "false", "availabilityZone": "eu-west-1a"}
        name = self.tokens.setdefault(asked["IdempotencyToken"], f"job-{len(self.tokens) + 1}")
        self.jobs.setdefault(
            name,
            {
                "RestoreJobId": name,
                "RecoveryPointArn": asked["RecoveryPointArn"],
                "Status": "PENDING",
                "CreationDate": datetime.now(UTC),
                "ResourceType": asked["ResourceType"],
            },
        )
        return {"RestoreJobId": name}

    def describe_restore_job(self, asked, region):
        if asked["RestoreJobId"] not in self.jobs:
            raise RefusedError("ResourceNotFoundException")
        job = self.jobs[asked["RestoreJobId"]]
        self.looks -= 1
        if self.looks > 0:
            job |= {"Status": "RUNNING", "PercentDone": f"{100 - 25 * self.looks}.00%"}
        elif self.end == "COMPLETED":
            job |= {"Status": "COMPLETED", "CreatedResourceArn": self.made, "CompletionDate": datetime.now(UTC)}
        else:
            job |= {"Status": self.end, "StatusMessage": "no such zone", "CompletionDate": datetime.now(UTC)}
        return job

    def list_restore_jobs(self, asked, region):
        return {"RestoreJobs": list(self.jobs.values())}


@pytest.fixture
def fake():
    return Backup()


@pytest.fixture
def faults(modelled, fake):
    return modelled(fake)


def test_a_recovery_point_is_restored_then_is_unchanged(faults, fake, cloud, step, looks_without_writing):
    context = cloud(faults.endpoint)
    assert looks_without_writing(faults, ACTION, RESTORE, context).recovery_point is not None
    outcome, _, outputs = step(ACTION, RESTORE, context)
    assert (outcome, outputs["created"]) == ("changed", fake.made)
    assert any("50 %, RUNNING" in text for text in context.progress_texts)
    assert step(ACTION, RESTORE, context)[0] == "unchanged"


def test_a_restore_whose_volume_was_deleted_does_not_count(faults, fake, moto, cloud, step, look, boto):
    context = cloud(moto.endpoint, backup=faults.endpoint)
    volume = boto("ec2").create_volume(AvailabilityZone="eu-west-1a", Size=8)["VolumeId"]
    fake.made = f"arn:aws:ec2:eu-west-1:123456789012:volume/{volume}"
    assert step(ACTION, RESTORE, context)[0] == "changed"
    assert step(ACTION, RESTORE, context)[0] == "unchanged"
    boto("ec2").delete_volume(VolumeId=volume)
    assert look(ACTION, RESTORE, context).status == "unsatisfied"


def test_a_lost_reply_is_not_a_second_job(faults, fake, cloud, survives_a_lost_reply):
    survives_a_lost_reply(faults, "backup:StartRestoreJob", ACTION, RESTORE, cloud(faults.endpoint))
    assert len(fake.jobs) == 1


def test_the_same_attempt_is_the_same_job_even_if_it_is_not_listed_yet(faults, fake, cloud, monkeypatch):
    context, params = cloud(faults.endpoint), ACTION.Params.model_validate(RESTORE)
    monkeypatch.setattr(fake, "list_restore_jobs", lambda *_: {"RestoreJobs": []})
    ACTION.apply(params, context)
    ACTION.apply(params, context)
    assert (faults.count("backup:StartRestoreJob"), len(fake.jobs)) == (2, 1)


def test_a_job_that_fails_says_why(faults, fake, cloud):
    fake.end = "FAILED"
    with pytest.raises(ActionFailedError, match="job-1 is FAILED, which does not end by itself: no such zone"):
        ACTION.apply(ACTION.Params.model_validate(RESTORE), cloud(faults.endpoint))
