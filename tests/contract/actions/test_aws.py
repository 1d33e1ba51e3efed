"""The AWS actions through boto3 against an emulated AWS and a name server over its zones."""

import time
import urllib.request

import boto3
import pytest

from runbook_engine.actions.aws.identity import AwsIdentity
from runbook_engine.actions.aws.rds_restore_snapshot import RdsRestoreSnapshot
from runbook_engine.actions.aws.route53_records import Route53Records
from runbook_engine.actions.aws.s3_sync import S3Sync
from runbook_engine.connections.aws import AwsSession
from runbook_engine.lab.aws import AwsServer, hosted_zones
from runbook_engine.lab.dns_server import DnsServer
from runbook_engine.lab.files import StateFolder
from runbook_engine.lab.request_log import RequestLog
from runbook_engine.lab.restore_bridge import DataPlane
from runbook_engine.sdk import ActionFailedError, AwsError

HOME, STANDBY = "us-east-1", "eu-west-1"
RESTORE = {
    "snapshot": "latest",
    "source_instance": "reviews",
    "instance": "reviews-dr",
    "region": STANDBY,
    "skip_final_snapshot": True,
}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "requests.ndjson"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory, log):
    plane = DataPlane(StateFolder(tmp_path_factory.mktemp("lab")), restore_polls=3)
    server = AwsServer(RequestLog(log), plane)
    server.start()
    yield server.endpoint
    server.stop()


@pytest.fixture
def cloud(endpoint, monkeypatch, real):
    """A context on the emulated AWS, emptied before each test, and clients to prepare it with."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    reset(endpoint)
    return real(session=AwsSession())


def reset(endpoint):
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()


@pytest.fixture
def snapshot(cloud):
    home = boto3.client("rds", region_name=HOME)
    home.create_db_instance(
        DBInstanceIdentifier="reviews",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="dr",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
    )
    arn = home.create_db_snapshot(DBInstanceIdentifier="reviews", DBSnapshotIdentifier="reviews-1")["DBSnapshot"][
        "DBSnapshotArn"
    ]
    boto3.client("rds", region_name=STANDBY).copy_db_snapshot(
        SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="reviews-copy", SourceRegion=HOME
    )
    return "reviews-copy"


def writes(log):
    return [line for line in log.read_text().splitlines() if '"write": true' in line or '"write":true' in line]


def look(action, params, context):
    params = action.Params.model_validate(params)
    return action.check(params, context.reading(action, params))


def test_identity(cloud):
    assert look(AwsIdentity(), {"account": "123456789012", "region": STANDBY}, cloud).satisfied
    finding = look(AwsIdentity(), {"account": "999999999999", "region": STANDBY}, cloud)
    assert "belong to account 123456789012" in finding.summary


def test_wrong_account_is_refused_before_anything(cloud, snapshot, log):
    before = writes(log)
    with pytest.raises(AwsError, match="999999999999"):
        look(RdsRestoreSnapshot(), {**RESTORE, "account": "999999999999"}, cloud)
    assert writes(log) == before


def test_restore_waits_then_is_unchanged_then_is_reverted(cloud, snapshot, step):
    action = RdsRestoreSnapshot()
    outcome, finding, outputs = step(action, RESTORE, cloud)
    assert outcome == "changed"
    assert outputs["snapshot"] == "reviews-copy"
    assert outputs["endpoint"]
    assert outputs["port"] > 0
    assert finding.recovery_point is not None
    assert any("reviews-dr: creating" in text for text in cloud.progress_texts)
    assert step(action, RESTORE, cloud)[0] == "unchanged"
    action.revert(action.Params(**RESTORE), cloud)
    assert look(action, RESTORE, cloud).summary.startswith("reviews-dr is not there")


def test_a_look_writes_nothing_and_knows_the_recovery_point(cloud, snapshot, log):
    before = writes(log)
    finding = look(RdsRestoreSnapshot(), RESTORE, cloud)
    assert finding.status == "unsatisfied"
    assert finding.recovery_point is not None
    assert writes(log) == before


def test_no_snapshot_in_the_region(cloud):
    with pytest.raises(ActionFailedError, match="no available snapshot of reviews in eu-west-1"):
        look(RdsRestoreSnapshot(), RESTORE, cloud)
    with pytest.raises(ActionFailedError, match="no snapshot none in eu-west-1"):
        look(RdsRestoreSnapshot(), {**RESTORE, "snapshot": "none"}, cloud)


def test_foreign_instance_is_left_alone(cloud, snapshot):
    rds = boto3.client("rds", region_name=STANDBY)
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="reviews-dr", DBSnapshotIdentifier=snapshot)
    action = RdsRestoreSnapshot()
    for attempt in (action.apply, action.revert):
        with pytest.raises(ActionFailedError, match="it is left alone"):
            attempt(action.Params(**RESTORE), cloud)
    assert rds.describe_db_instances(DBInstanceIdentifier="reviews-dr")["DBInstances"]


@pytest.fixture
def zone(cloud):
    route53 = boto3.client("route53", region_name=HOME)
    zone = route53.create_hosted_zone(Name="reviews.example.", CallerReference="1")["HostedZone"]["Id"]
    record = {
        "Name": "app.reviews.example.",
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": "primary.reviews.example"}],
    }
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    return zone


@pytest.fixture
def name_server():
    server = DnsServer(hosted_zones)
    server.start()
    yield f"127.0.0.1:{server.address[1]}"
    server.stop()


def test_records_are_switched_confirmed_and_put_back(cloud, zone, name_server, step):
    action = Route53Records()
    params = {
        "zone": "reviews.example",
        "name_servers": [name_server],
        "records": [
            {"name": "app.reviews.example", "type": "CNAME", "values": ["standby.reviews.example"]},
            {"name": "note.reviews.example", "type": "TXT", "values": ["moved by a runbook"]},
            {"name": "www.reviews.example", "values": ["192.0.2.1"], "set_identifier": "a", "weight": 0},
            {"name": "www.reviews.example", "values": ["192.0.2.2"], "set_identifier": "b", "weight": 10},
        ],
    }
    finding = look(action, params, cloud)
    assert [change.what for change in finding.changes] == [
        "CNAME app.reviews.example",
        "TXT note.reviews.example",
        "A www.reviews.example (a)",
        "A www.reviews.example (b)",
    ]
    outcome, _, outputs = step(action, params, cloud)
    assert outcome == "changed"
    assert step(action, params, cloud)[0] == "unchanged"
    action.revert(action.Params.model_validate(params), cloud.with_recorded(outputs))
    finding = look(action, params, cloud)
    assert finding.summary == "4 of 4 records differ"
    left = boto3.client("route53", region_name=HOME).list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert {item["Name"] for item in left if item["Type"] not in {"NS", "SOA"}} == {"app.reviews.example."}


def test_name_server_that_answers_otherwise_is_told(cloud, zone, name_server):
    # The zone says so, but the name server is one that serves nothing of it.
    silent = DnsServer(list)
    silent.start()
    address = f"127.0.0.1:{silent.address[1]}"
    params = {
        "zone": "reviews.example",
        "name_servers": [name_server, address],
        "records": [{"name": "app.reviews.example", "type": "CNAME", "values": ["primary.reviews.example"]}],
    }
    finding = look(Route53Records(), params, cloud)
    silent.stop()
    assert finding.status == "unsatisfied"
    assert finding.summary == f"name server {address} answers CNAME app.reviews.example. with REFUSED"


def test_bucket_is_synced_across_regions(cloud, step, log):
    home, standby = boto3.client("s3", region_name=HOME), boto3.client("s3", region_name=STANDBY)
    home.create_bucket(Bucket="one")
    standby.create_bucket(Bucket="two", CreateBucketConfiguration={"LocationConstraint": STANDBY})
    for number in range(60):
        home.put_object(Bucket="one", Key=f"rel/{number:02}", Body=b"x" * number)
    standby.put_object(Bucket="two", Key="rel/00", Body=b"")
    standby.put_object(Bucket="two", Key="rel/01", Body=b"y")
    standby.put_object(Bucket="two", Key="extra", Body=b"y")
    params = {"source_bucket": "one", "source_region": HOME, "dest_bucket": "two", "region": STANDBY, "delete": True}
    before = writes(log)
    finding = look(S3Sync(), params, cloud)
    assert writes(log) == before
    assert len(finding.changes) == 51
    assert finding.changes[-1].what == "… and 10 more"
    outcome, _, outputs = step(S3Sync(), params, cloud)
    assert outcome == "changed"
    assert outputs == {"copied": 59, "deleted": 1, "bytes": sum(range(60)), "count": 60}
    assert standby.get_object(Bucket="two", Key="rel/01")["Body"].read() == b"x"
    assert step(S3Sync(), params, cloud)[0] == "unchanged"


def test_bucket_is_compared_by_sha256(cloud, step):
    s3 = boto3.client("s3", region_name=HOME)
    for bucket in ("one", "two"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="one", Key="a", Body=b"abc", ChecksumAlgorithm="SHA256")
    s3.put_object(Bucket="two", Key="a", Body=b"xyz", ChecksumAlgorithm="SHA256")
    params = {"source_bucket": "one", "dest_bucket": "two", "region": HOME, "compare": "sha256"}
    assert step(S3Sync(), params, cloud)[0] == "changed"
    assert s3.get_object(Bucket="two", Key="a")["Body"].read() == b"abc"
    assert step(S3Sync(), params, cloud)[0] == "unchanged"


def test_bucket_that_does_not_exist_is_told(cloud):
    params = {"source_bucket": "none", "dest_bucket": "nothing", "region": HOME}
    started = time.monotonic()
    with pytest.raises(AwsError, match=r"NoSuchBucket|does not exist"):
        look(S3Sync(), params, cloud)
    assert time.monotonic() - started < 30
