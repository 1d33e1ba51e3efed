"""The engine killed at each change that it asks AWS for: just before AWS does it, and before AWS's answer arrives.

Resumed, it finds what was done and asks for nothing twice. AWS is moto, with a proxy before it that strikes.
"""

import os
import signal

import boto3
import pytest
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from support.aws_faults import Faults
from support.aws_wire import WireServer

HOME, STANDBY = "us-east-1", "eu-west-1"
RUNBOOK = """\
runbook: data
title: Bring the data of the standby region up
steps:
  - id: snapshot
    aws.rds_copy_snapshot: {source_region: us-east-1, snapshot: orders-1, region: eu-west-1, poll: 1s}
  - id: restore
    needs: [snapshot]
    aws.rds_restore_snapshot:
      {snapshot: "{{ steps['snapshot'].snapshot }}", instance: orders-dr, region: eu-west-1, poll: 1s}
  - id: volume
    aws.ebs_copy_snapshot: {source_region: us-east-1, snapshot: "{{ volume }}", region: eu-west-1, poll: 1s}
  - id: table
    aws.dynamodb_restore:
      {source_table: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders", table: orders-dr, region: eu-west-1, poll: 1s}
  - id: secret
    aws.secret_replicate: {source_region: us-east-1, secret: orders, region: eu-west-1, poll: 1s}
"""
CHANGES = (
    "rds:CopyDBSnapshot",
    "rds:RestoreDBInstanceFromDBSnapshot",
    "ec2:CopySnapshot",
    "dynamodb:RestoreTableToPointInTime",
    "dynamodb:TagResource",
    "secretsmanager:ReplicateSecretToRegions",
)


@pytest.fixture(scope="module")
def server():
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = WireServer(faults)
    faults.endpoint = server.endpoint
    yield faults
    server.close()


@pytest.fixture
def aws(server, monkeypatch):
    """AWS with a primary region whose data is to be brought over."""
    BackendDict.reset()
    reset_model_data()
    environment = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(aws_access_key_id="123456789012", aws_secret_access_key="test")
    rds, ec2 = session.client("rds", HOME), session.client("ec2", HOME)
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="dr",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
    )
    rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="orders-1")
    volume = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=8)["VolumeId"]
    server.volume = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    session.client("secretsmanager", HOME).create_secret(Name="orders", SecretString="not-a-secret")
    dynamodb = session.client("dynamodb", STANDBY)
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    server.forget()
    return server


@pytest.mark.parametrize(
    ("change", "before"),
    [*((change, False) for change in CHANGES), ("rds:CopyDBSnapshot", True), ("dynamodb:TagResource", True)],
)
def test_resumed_it_asks_for_nothing_twice(aws, runbook, change, before):
    runbook.write("runbooks/data.yml", RUNBOOK)
    inventory = runbook.write(
        "inventories/aws/hosts.yml", f"all: {{vars: {{aws_account: '123456789012', volume: {aws.volume}}}}}\n"
    )
    engine = runbook.start("run", "data", "-i", str(inventory.parent), "--yes")
    aws.strike(change, lambda: os.kill(engine.pid, signal.SIGKILL), before=before)
    _, told = engine.communicate(timeout=120)
    assert engine.returncode == -signal.SIGKILL, told

    resumed = runbook("resume", "--yes")
    assert resumed.status == 0, resumed.out + resumed.err
    for name in CHANGES:
        # A request that AWS never carried out is made again; one that it did is not.
        assert aws.count(name) == (2 if before and name == change else 1), aws.writes()


COMMAND = """\
runbook: command
title: Restart the app
steps:
  - id: restart
    aws.ssm_command:
      {instances: [i-0123456789abcdef0], commands: [systemctl restart app], region: eu-west-1, poll: 1s}
"""


@pytest.mark.parametrize("before", [False, True])
def test_a_command_that_takes_no_token_is_sent_once(aws, runbook, before):
    runbook.write("runbooks/command.yml", COMMAND)
    engine = runbook.start("run", "command", "--yes")
    aws.strike("ssm:SendCommand", lambda: os.kill(engine.pid, signal.SIGKILL), before=before)
    _, told = engine.communicate(timeout=120)
    assert engine.returncode == -signal.SIGKILL, told

    resumed = runbook("resume", "--yes")
    assert resumed.status == 0, resumed.out + resumed.err
    sent = boto3.client("ssm", STANDBY).list_commands()["Commands"]
    assert (len(sent), aws.count("ssm:SendCommand")) == (1, 2 if before else 1)
