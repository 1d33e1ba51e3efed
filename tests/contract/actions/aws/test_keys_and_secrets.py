"""Secrets and KMS keys in two regions, through boto3 against moto and ministack."""

import pytest
from moto.kms.models import KmsBackend

from runbook_engine.actions.aws.kms_replicate import KmsReplicate
from runbook_engine.actions.aws.secret_replicate import SecretReplicate
from runbook_engine.sdk import ActionFailedError

HOME, STANDBY = "us-east-1", "eu-west-1"
SECRET = {"secret": "reviews/database", "source_region": HOME, "region": STANDBY, "poll": "1s"}


@pytest.fixture
def secrets(moto, cloud, boto):
    context = cloud(moto.endpoint)
    boto("secretsmanager", HOME).create_secret(Name="reviews/database", SecretString="not-a-secret")
    return context


def test_a_secret_is_replicated_then_is_unchanged_then_is_reverted(
    moto, secrets, boto, step, look, looks_without_writing
):
    action = SecretReplicate()
    assert looks_without_writing(moto, action, SECRET, secrets).status == "unsatisfied"
    moto.slow(
        "secretsmanager:DescribeSecret", b"InSync", b"InProgress", 4, after="secretsmanager:ReplicateSecretToRegions"
    )
    outcome, _, outputs = step(action, SECRET, secrets)
    assert outcome == "changed"
    assert any("InProgress" in text for text in secrets.progress_texts)
    value = boto("secretsmanager").get_secret_value(SecretId="reviews/database")["SecretString"]
    assert value == "not-a-secret"
    assert step(action, SECRET, secrets)[0] == "unchanged"
    assert moto.count("secretsmanager:GetSecretValue") == 1  # the test's own: the action never reads the value
    params = action.Params.model_validate(SECRET)
    assert not action.revert(params, secrets).changed  # nothing is recorded of it: it was there before
    action.revert(params, secrets.with_recorded(outputs))
    assert look(action, SECRET, secrets).status == "unsatisfied"


def test_a_lost_reply_adds_the_region_once(moto, secrets, survives_a_lost_reply):
    survives_a_lost_reply(moto, "secretsmanager:ReplicateSecretToRegions", SecretReplicate(), SECRET, secrets)


def test_a_secret_of_that_name_is_left_alone(secrets, boto, look):
    boto("secretsmanager").create_secret(Name="reviews/database", SecretString="another")
    with pytest.raises(ActionFailedError, match="is no replica; it is left alone"):
        look(SecretReplicate(), SECRET, secrets)


@pytest.fixture(params=["moto", "ministack"])
def emulator(request, monkeypatch):
    """moto's primary and replica share their configuration; here each has its own."""
    plain = KmsBackend.replicate_key

    def replicate_key(self, key_id, replica_region):
        replica = plain(self, key_id, replica_region)
        shared = replica.multi_region_configuration
        replica.multi_region_configuration = {**shared, "MultiRegionKeyType": "REPLICA"}
        self.keys[key_id].multi_region_configuration = {**shared, "MultiRegionKeyType": "PRIMARY"}
        return replica

    monkeypatch.setattr(KmsBackend, "replicate_key", replicate_key)
    return request.getfixturevalue(request.param)


def test_a_key_is_replicated_once_with_its_alias(
    emulator, cloud, boto, step, looks_without_writing, survives_a_lost_reply
):
    context, action = cloud(emulator.endpoint), KmsReplicate()
    key = boto("kms", HOME).create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    params = {"key": key, "source_region": HOME, "region": STANDBY, "alias": "alias/dr", "poll": "1s"}
    assert looks_without_writing(emulator, action, params, context).status == "unsatisfied"
    emulator.slow("kms:DescribeKey", b'"KeyState": "Enabled"', b'"KeyState": "Creating"', 7, after="kms:ReplicateKey")
    survives_a_lost_reply(emulator, "kms:ReplicateKey", action, params, context)
    assert any("Creating" in text for text in context.progress_texts)
    outcome, _, outputs = step(action, params, context)
    assert (outcome, outputs["key"]) == ("unchanged", key)
    assert boto("kms").describe_key(KeyId="alias/dr")["KeyMetadata"]["Arn"] == outputs["arn"]


def test_what_the_key_encrypted_is_decrypted_in_the_other_region(ministack, cloud, boto, step):
    context = cloud(ministack.endpoint)
    home = boto("kms", HOME)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    sealed = home.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
    step(KmsReplicate(), {"key": key, "source_region": HOME, "region": STANDBY}, context)
    assert boto("kms").decrypt(CiphertextBlob=sealed, KeyId=key)["Plaintext"] == b"data"


def test_a_key_of_one_region_is_refused(moto, cloud, boto, look):
    context = cloud(moto.endpoint)
    key = boto("kms", HOME).create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ActionFailedError, match="is of one region only"):
        look(KmsReplicate(), {"key": key, "source_region": HOME, "region": STANDBY}, context)
