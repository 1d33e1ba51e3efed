"""The S3 actions through boto3: versions against both emulators, replication against ministack, which replicates."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.actions.aws.s3_replication_check import S3ReplicationCheck
from runbook_engine.actions.aws.s3_restore_versions import S3RestoreVersions
from runbook_engine.sdk import ActionFailedError

HOME, STANDBY = "us-east-1", "eu-west-1"


def versioned(s3, bucket):
    if s3.meta.region_name == HOME:
        s3.create_bucket(Bucket=bucket)
    else:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def content(s3, bucket):
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found}


def next_second():
    """S3's times are whole seconds: what is to differ in time must be in another one."""
    time.sleep(1.05 - time.time() % 1)


@pytest.fixture(params=["moto", "ministack"])
def emulator(request):
    return request.getfixturevalue(request.param)


def test_a_bucket_is_brought_back_to_a_time(emulator, cloud, boto, step, looks_without_writing):
    context = cloud(emulator.endpoint)
    s3 = boto("s3", HOME)
    versioned(s3, "docs")
    for key in ("a", "b", "c"):
        s3.put_object(Bucket="docs", Key=key, Body=f"good {key}".encode(), ContentType="text/plain")
    s3.put_object(Bucket="docs", Key="gone", Body=b"x")
    s3.delete_object(Bucket="docs", Key="gone")
    parts = s3.create_multipart_upload(Bucket="docs", Key="big", ContentType="text/x-big", Metadata={"who": "ada"})
    part = s3.upload_part(Bucket="docs", Key="big", UploadId=parts["UploadId"], PartNumber=1, Body=b"good big")
    s3.complete_multipart_upload(
        Bucket="docs",
        Key="big",
        UploadId=parts["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    next_second()
    then = datetime.now(UTC).isoformat()
    next_second()
    good = content(s3, "docs")
    s3.put_object(Bucket="docs", Key="a", Body=b"encrypted by somebody")
    s3.put_object(Bucket="docs", Key="big", Body=b"evil big")
    s3.delete_object(Bucket="docs", Key="b")
    s3.put_object(Bucket="docs", Key="new", Body=b"ransom note")

    context.clock.advance(10)
    action, params = S3RestoreVersions(), {"bucket": "docs", "time": then, "region": HOME, "delete": True}
    finding = looks_without_writing(emulator, action, params, context)
    assert [change.what for change in finding.changes] == ["a", "b", "big", "new"]
    outcome, finding, outputs = step(action, params, context)
    assert (outcome, outputs["restored"], outputs["deleted"], outputs["count"]) == ("changed", 3, 1, 4)
    assert content(s3, "docs") == good
    head = s3.head_object(Bucket="docs", Key="big")
    assert (head["ContentType"], head["Metadata"]["who"]) == ("text/x-big", "ada")
    assert step(action, params, context)[0] == "unchanged"


def test_a_bucket_without_versions_is_refused(moto, cloud, boto, look):
    context = cloud(moto.endpoint)
    boto("s3", HOME).create_bucket(Bucket="docs")
    with pytest.raises(ActionFailedError, match="keeps no versions"):
        look(S3RestoreVersions(), {"bucket": "docs", "time": "2026-11-23T08:40:00Z", "region": HOME}, context)


@pytest.fixture
def replicated(ministack, cloud, boto):
    context = cloud(ministack.endpoint)
    home, standby = boto("s3", HOME), boto("s3")
    versioned(home, "one")
    versioned(standby, "two")
    home.put_object(Bucket="one", Key="before", Body=b"not replicated: older than the rule")
    rule = {
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": "arn:aws:s3:::two"},
    }
    home.put_bucket_replication(
        Bucket="one", ReplicationConfiguration={"Role": "arn:aws:iam::123456789012:role/r", "Rules": [rule]}
    )
    home.put_object(Bucket="one", Key="after", Body=b"replicated")
    return context


def test_a_replica_is_verified(ministack, replicated, boto, looks_without_writing):
    params = {"bucket": "one", "source_region": HOME, "replica": "two", "region": STANDBY}
    finding = looks_without_writing(ministack, S3ReplicationCheck(), params, replicated)
    assert finding.satisfied, finding.summary
    assert finding.outputs["missing"] == 1
    # An hour later, what is not replicated is late.
    replicated.clock.advance(3600)
    finding = looks_without_writing(ministack, S3ReplicationCheck(), params, replicated)
    assert [change.what for change in finding.changes] == ["before"]
    boto("s3", HOME).put_object(Bucket="one", Key="before", Body=b"now it is")
    assert looks_without_writing(ministack, S3ReplicationCheck(), params, replicated).satisfied


def test_the_recovery_point_is_the_oldest_that_is_missing(replicated, look):
    params = {"bucket": "one", "source_region": HOME, "replica": "two", "region": STANDBY}
    finding = look(S3ReplicationCheck(), params, replicated)
    assert datetime.now(UTC) - finding.recovery_point < timedelta(minutes=1)


def test_a_bucket_that_is_not_replicated_is_refused(ministack, cloud, boto, look):
    context = cloud(ministack.endpoint)
    versioned(boto("s3", HOME), "one")
    versioned(boto("s3"), "two")
    params = {"bucket": "one", "source_region": HOME, "replica": "two", "region": STANDBY}
    with pytest.raises(ActionFailedError, match="bucket one is not replicated"):
        look(S3ReplicationCheck(), params, context)
