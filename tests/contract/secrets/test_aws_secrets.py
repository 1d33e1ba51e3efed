"""Secrets Manager and Parameter Store, through the engine's own AWS clients against moto."""

import json
from pathlib import Path

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.secret_reference import parse_reference
from runbook_engine.ports.secrets import SecretError
from runbook_engine.secrets.aws import AwsSecrets
from runbook_engine.secrets.store import Secrets

HOME, STANDBY, ACCOUNT = "us-east-1", "eu-west-1", "123456789012"
VALUE = json.dumps({"username": "reviews", "password": "hush-hush", "port": 5432})


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def boto(moto, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_ENDPOINT_URL": moto,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def client(service, region=HOME):
        return boto3.client(service, region_name=region, endpoint_url=moto)

    httpx.post(f"{moto}/moto-api/reset")
    return client


@pytest.fixture
def arn(boto):
    return boto("secretsmanager").create_secret(Name="reviews/db", SecretString=VALUE)["ARN"]


def test_secrets_are_read_by_clients_that_can_change_nothing(boto, arn):
    asked = []

    class Watched(AwsSession):
        def client(self, service, **more):
            asked.append((service, more["read_only"]))
            return super().client(service, **more)

    secrets = AwsSecrets(Watched(attempts=1))
    secrets.secret(f"{arn}?region={HOME}", Path())
    secrets.missing(parse_reference(f"aws-sm:{arn}?region={HOME}"))
    assert asked == [("secretsmanager", True)] * 2


@pytest.fixture
def store(boto, tmp_path):
    cloud = AwsSecrets(AwsSession(attempts=1))
    return Secrets({"aws-sm": cloud.secret, "aws-ssm": cloud.parameter}, tmp_path)


def test_whole_and_by_field(store, arn):
    assert store.resolve(f"aws-sm:reviews/db?region={HOME}") == VALUE
    assert store.resolve(f"aws-sm:{arn}#password") == "hush-hush"
    assert store.resolve(f"aws-sm:{arn}#port") == "5432"
    assert "hush-hush" not in store.redactor.text("found hush-hush in a log")


def test_the_replica_in_the_standby_region_by_name_and_by_arn(store, boto, arn):
    boto("secretsmanager").replicate_secret_to_regions(SecretId=arn, AddReplicaRegions=[{"Region": STANDBY}])
    assert store.resolve(f"aws-sm:reviews/db?region={STANDBY}#password") == "hush-hush"
    assert store.resolve(f"aws-sm:{arn}?region={STANDBY}#password") == "hush-hush"


def test_the_next_region_is_asked_when_one_does_not_give_it(store, arn):
    assert store.resolve(f"aws-sm:reviews/db?region={STANDBY},{HOME}#password") == "hush-hush"
    with pytest.raises(SecretError) as caught:
        store.resolve(f"aws-sm:reviews/other?region={STANDBY},{HOME}")
    assert f"{STANDBY}: " in caught.value.message
    assert f"{HOME}: " in caught.value.message


def test_the_configured_region_counts_when_nothing_else_says_one(store, arn, monkeypatch):
    with pytest.raises(SecretError, match="no region is known"):
        store.resolve("aws-sm:reviews/db#password")
    monkeypatch.setenv("AWS_DEFAULT_REGION", HOME)
    cloud = AwsSecrets(AwsSession(attempts=1))
    assert cloud.secret("reviews/db#password", store) == "hush-hush"


def test_an_earlier_version(store, boto, arn):
    boto("secretsmanager").put_secret_value(SecretId=arn, SecretString='{"password": "newer-one"}')
    assert store.resolve(f"aws-sm:{arn}#password") == "newer-one"
    assert store.resolve(f"aws-sm:{arn}?stage=AWSPREVIOUS#password") == "hush-hush"


def test_binary_and_deleted_ones(store, boto, arn):
    boto("secretsmanager").create_secret(Name="text", SecretBinary=b"as bytes")
    boto("secretsmanager").create_secret(Name="bytes", SecretBinary=b"\xff\x00")
    assert store.resolve(f"aws-sm:text?region={HOME}") == "as bytes"
    with pytest.raises(SecretError, match="not UTF-8"):
        store.resolve(f"aws-sm:bytes?region={HOME}")
    boto("secretsmanager").delete_secret(SecretId=arn)
    with pytest.raises(SecretError, match="was not given"):
        store.resolve(f"aws-sm:{arn}")


def test_a_parameter_is_decrypted(store, boto):
    boto("ssm").put_parameter(Name="/reviews/smtp", Value="hush-hush", Type="SecureString")
    assert store.resolve(f"aws-ssm:/reviews/smtp?region={HOME}") == "hush-hush"
    with pytest.raises(SecretError, match="ParameterNotFound"):
        store.resolve(f"aws-ssm:/reviews/other?region={HOME}")


def test_by_a_role_and_only_in_its_account(store, boto, arn):
    role = f"arn:aws:iam::{ACCOUNT}:role/recovery"
    assert store.resolve(f"aws-sm:reviews/db?region={HOME}&role={role}&account={ACCOUNT}#password") == "hush-hush"
    with pytest.raises(SecretError, match="not to 999999999999"):
        store.resolve(f"aws-sm:reviews/db?region={HOME}&role={role}&account=999999999999#password")


def test_what_is_missing_is_found_without_reading_a_value(boto, arn, moto):
    boto("ssm").put_parameter(Name="/reviews/smtp", Value="hush-hush", Type="SecureString")
    cloud = AwsSecrets(AwsSession(attempts=1))

    def missing(text):
        return cloud.missing(parse_reference(text))

    assert missing(f"aws-sm:reviews/db?region={HOME}#password") == missing(f"aws-ssm:/reviews/smtp?region={HOME}") == []
    assert "ResourceNotFound" in missing(f"aws-sm:reviews/db?region={HOME},{STANDBY}")[0]
    assert missing(f"aws-ssm:/reviews/other?region={HOME}") == [f"{HOME}: there is no parameter /reviews/other"]
    boto("secretsmanager").delete_secret(SecretId=arn)
    assert "marked for deletion" in missing(f"aws-sm:{arn}")[0]


def test_an_error_never_holds_a_value(store, boto):
    boto("secretsmanager").create_secret(Name="text", SecretString="hush-hush: [")
    with pytest.raises(SecretError) as caught:
        store.resolve(f"aws-sm:text?region={HOME}#password")
    assert "hush" not in str(caught.value) + caught.value.hint
