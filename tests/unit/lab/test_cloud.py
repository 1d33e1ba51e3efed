"""The emulated cloud of a running lab: what is seeded, restores with real bytes, the request log, DNS."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from botocore.exceptions import ClientError

from runbook_engine.lab import dataset
from runbook_engine.lab.seed import SeedPlan, seed

STANDBY, PRIMARY = "eu-west-1", "us-east-1"


def _log(lab):
    return [json.loads(line) for line in lab.request_log.read_text().splitlines()]


def _snapshot(client, lab):
    return client.describe_db_snapshots(DBSnapshotIdentifier=lab.snapshot_id)["DBSnapshots"][0]


def _ask(lab, name, kind, how=dns.query.udp):
    return how(dns.message.make_query(name, kind), lab.dns.host, port=lab.dns.port, timeout=30)


def test_the_snapshot_is_in_both_regions_and_recent_enough_for_a_quarter_of_an_hour(lab, aws):
    original, copy = _snapshot(aws("rds", PRIMARY), lab), _snapshot(aws("rds", STANDBY), lab)
    age = datetime.now(UTC) - original["SnapshotCreateTime"]
    assert timedelta(minutes=3) < age < timedelta(minutes=15)
    assert abs(original["SnapshotCreateTime"] - lab.snapshot_created_at) < timedelta(seconds=1)
    assert copy["OriginalSnapshotCreateTime"] == original["SnapshotCreateTime"]
    assert copy["SourceDBSnapshotIdentifier"] == original["DBSnapshotArn"]
    assert copy["SourceRegion"] == PRIMARY
    assert {"Key": "app", "Value": "reviews"} in copy["TagList"]
    assert len(aws("rds", PRIMARY).describe_db_snapshots()["DBSnapshots"]) == 1


def test_a_restore_takes_as_many_answers_as_asked_and_brings_the_snapshots_bytes(lab, aws):
    rds = aws("rds", STANDBY)
    file = lab.data_dir / STANDBY / "reviews-dr.sqlite"
    restored = rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="reviews-dr", DBSnapshotIdentifier=lab.snapshot_id, Tags=[{"Key": "dr:run", "Value": "1"}]
    )
    assert restored["DBInstance"]["DBInstanceStatus"] == "creating"
    states, files = [], []
    for _ in range(4):
        states.append(
            rds.describe_db_instances(DBInstanceIdentifier="reviews-dr")["DBInstances"][0]["DBInstanceStatus"]
        )
        files.append(file.exists())
    assert states == ["creating", "creating", "available", "available"]
    assert files == [False, False, True, True]
    assert file.read_bytes() == lab.snapshot_file.read_bytes()
    manifest = json.loads(lab.snapshot_manifest.read_text())
    assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest["file_sha256"]
    assert dataset.describe(file).content_sha256 == manifest["content_sha256"]
    assert manifest["rows"] == 500
    rds.delete_db_instance(DBInstanceIdentifier="reviews-dr", SkipFinalSnapshot=True)
    assert not file.exists()


def test_a_snapshot_taken_later_carries_what_was_written_meanwhile(lab, aws):
    there, here = aws("rds", PRIMARY), aws("rds", STANDBY)
    database = lab.data_dir / PRIMARY / "reviews.sqlite"
    before = dataset.describe(database).rows
    dataset.add_review(database, "Form Builder", 5, "Just in time.", datetime.now(UTC))
    taken = there.create_db_snapshot(DBInstanceIdentifier="reviews", DBSnapshotIdentifier="later")["DBSnapshot"]
    dataset.add_review(database, "Form Builder", 1, "Too late.", datetime.now(UTC))
    here.copy_db_snapshot(
        SourceDBSnapshotIdentifier=taken["DBSnapshotArn"], TargetDBSnapshotIdentifier="copied", SourceRegion=PRIMARY
    )
    here.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="from-copy", DBSnapshotIdentifier="copied")
    for _ in range(3):
        here.describe_db_instances()
    restored = dataset.describe(lab.data_dir / STANDBY / "from-copy.sqlite")
    assert restored.rows == before + 1
    with dataset.open_database(lab.data_dir / STANDBY / "from-copy.sqlite", read_only=True) as rows:
        assert rows.execute("SELECT row_count, sha256 FROM checksums").fetchone() == (
            restored.rows,
            restored.content_sha256,
        )


def test_the_same_name_in_another_region_does_not_replace_a_snapshots_bytes(lab, aws):
    here = aws("rds", STANDBY)
    here.create_db_instance(
        DBInstanceIdentifier="empty", Engine="postgres", DBInstanceClass="db.t4g.small", AllocatedStorage=20
    )
    dataset.create_database(lab.data_dir / STANDBY / "empty.sqlite", 3, datetime.now(UTC))
    original = lab.snapshot_file.read_bytes()
    here.delete_db_snapshot(DBSnapshotIdentifier=lab.snapshot_id)
    here.create_db_snapshot(DBInstanceIdentifier="empty", DBSnapshotIdentifier=lab.snapshot_id)
    here.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="small", DBSnapshotIdentifier=lab.snapshot_id)
    for _ in range(3):
        here.describe_db_instances()
    assert dataset.describe(lab.data_dir / STANDBY / "small.sqlite").rows == 3
    assert lab.snapshot_file.read_bytes() == original


def test_a_failed_restore_brings_nothing(lab, aws):
    with pytest.raises(ClientError, match="DBSnapshotNotFound"):
        aws("rds", STANDBY).restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="ghost", DBSnapshotIdentifier="no-such-snapshot"
        )
    assert not (lab.data_dir / STANDBY / "ghost.sqlite").exists()


def test_the_standbys_bucket_lacks_the_newest_release_and_export(lab, aws):
    keys = {}
    for region, bucket in lab.buckets.items():
        found = aws("s3", region).list_objects_v2(Bucket=bucket)["Contents"]
        keys[region] = {entry["Key"] for entry in found}
    assert keys[STANDBY] < keys[PRIMARY]
    lacking = keys[PRIMARY] - keys[STANDBY]
    assert f"releases/reviews-{lab.version}.tar.gz" in lacking
    s3 = aws("s3", PRIMARY)
    manifests = [key for key in keys[PRIMARY] if key.endswith("manifest.json")]
    assert len(manifests) == 2
    for key in manifests:
        manifest = json.loads(s3.get_object(Bucket=lab.buckets[PRIMARY], Key=key)["Body"].read())
        data_key = key.replace("manifest.json", "reviews.ndjson")
        data = s3.get_object(Bucket=lab.buckets[PRIMARY], Key=data_key)["Body"].read()
        assert hashlib.sha256(data).hexdigest() == manifest["files"]["reviews.ndjson"]["sha256"]


def test_the_log_tells_reads_from_writes_and_begins_when_the_lab_is_ready(lab, aws):
    first = len(_log(lab))
    aws("rds", STANDBY).describe_db_instances()
    aws("s3", PRIMARY).list_buckets()
    aws("sts", PRIMARY).get_caller_identity()
    aws("s3", STANDBY).put_object(Bucket=lab.buckets[STANDBY], Key="probe", Body=b"1")
    aws("rds", PRIMARY).add_tags_to_resource(
        ResourceName=f"arn:aws:rds:{PRIMARY}:{lab.aws_account}:db:reviews", Tags=[{"Key": "a", "Value": "b"}]
    )
    entries = _log(lab)[first:]
    assert [(entry["service"], entry["region"], entry["operation"], entry["write"]) for entry in entries] == [
        ("rds", STANDBY, "DescribeDBInstances", False),
        ("s3", PRIMARY, "GET /", False),
        ("sts", PRIMARY, "GetCallerIdentity", False),
        ("s3", STANDBY, f"PUT /{lab.buckets[STANDBY]}/probe", True),
        ("rds", PRIMARY, "AddTagsToResource", True),
    ]
    assert all(datetime.fromisoformat(entry["time"]) >= lab.started_at for entry in _log(lab))
    assert not any(entry["operation"] == "CreateDBInstance" and entry["region"] == PRIMARY for entry in _log(lab))


def test_the_name_servers_follow_a_change_at_once(lab, aws):
    before = _ask(lab, lab.app_name, "A")
    assert before.flags & dns.flags.AA
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in before.answer] == ["CNAME", "A"]
    assert "primary.reviews.example." in before.answer[0].to_text()
    record = {
        "Name": lab.app_name,
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": "standby.reviews.example."}],
    }
    aws("route53", PRIMARY).change_resource_record_sets(
        HostedZoneId=lab.hosted_zone_id, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )
    for how in (dns.query.udp, dns.query.tcp):
        after = _ask(lab, lab.app_name, "CNAME", how)
        assert after.answer[0].to_text() == f"{lab.app_name} 60 IN CNAME standby.reviews.example."


def test_the_name_servers_refuse_foreign_names_and_know_what_is_missing(lab):
    assert _ask(lab, "example.org.", "A").rcode() == dns.rcode.REFUSED
    missing = _ask(lab, "nothing.reviews.example.", "A")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].rdtype == dns.rdatatype.SOA
    assert "serving-region=us-east-1" in _ask(lab, lab.hosted_zone, "TXT").answer[0].to_text()


def test_seeding_again_writes_nothing(tmp_path, running_lab):
    with running_lab(tmp_path) as (fresh, _):
        plan = SeedPlan(
            fresh.aws_endpoint, fresh.snapshot_id, fresh.data_dir / PRIMARY / "reviews.sqlite", tmp_path / "releases"
        )
        assert seed(plan) == fresh.hosted_zone_id
        entries = _log(fresh)
        assert entries
        assert not [entry for entry in entries if entry["write"]]
