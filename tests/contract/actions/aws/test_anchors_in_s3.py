"""Anchors of the journal in a bucket with Object Lock (moto)."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from runbook_engine.app.anchor import contradictions, put_anchor
from runbook_engine.app.anchor_places import anchor_place
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import RunbookError, UsageError
from runbook_engine.model.event import Actor, NoteAdded, RunOpened
from runbook_engine.model.team import Team

REGION, RUN = "eu-west-1", "20261123-100000-failover-aaaa"
DANA = Actor(name="dana")


@pytest.fixture
def s3(moto, cloud):
    cloud(moto.endpoint)
    return boto3.client("s3", region_name=REGION, endpoint_url=moto.endpoint)


def bucket(s3, name, *, locked):
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=locked)


@pytest.fixture
def journal():
    made = MemoryJournal()
    made.open_run(
        RUN, RunOpened(runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1"), DANA
    )
    return made


def put(journal, place):
    return put_anchor(journal, place, Team(), project="reviews", retain=timedelta(days=365))


def test_nobody_can_change_it_before_its_time(s3, journal):
    bucket(s3, "evidence", locked=True)
    place = anchor_place("s3://evidence/of/reviews", region=REGION)
    retain = timedelta(days=365)
    dry, _ = put_anchor(journal, place, Team(), project="reviews", retain=retain, write=False)
    assert (len(dry.heads), place.anchors()) == (1, [])
    made, where = put(journal, place)
    key = where.removeprefix("s3://evidence/")
    assert key.startswith("of/reviews/anchor-")
    head = s3.head_object(Bucket="evidence", Key=key)
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] - datetime.now(UTC) > timedelta(days=364)
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="evidence", Key=key, VersionId=head["VersionId"])
    assert place.anchors() == [made]
    assert contradictions(journal, place.anchors()) == []
    assert place.doubt() == ""


def test_one_that_was_put_over_it_or_deleted_does_not_count(s3, journal):
    bucket(s3, "evidence", locked=True)
    place = anchor_place("s3://evidence", region=REGION)
    made, where = put(journal, place)
    key = where.removeprefix("s3://evidence/")
    forged = made.model_copy(update={"heads": {}, "runs": 0})
    s3.put_object(Bucket="evidence", Key=key, Body=forged.model_dump_json().encode())
    assert place.anchors() == [made]
    s3.delete_object(Bucket="evidence", Key=key)  # only a marker: the version is locked
    assert place.anchors() == [made]


def test_what_grew_is_added(s3, journal):
    bucket(s3, "evidence", locked=True)
    place = anchor_place("s3://evidence", region=REGION)
    put(journal, place)
    journal.append(RUN, [NoteAdded(text="more")], DANA)
    put(journal, place)
    third, _ = put(journal, place)
    assert [one.heads[RUN].events if one.heads else 0 for one in place.anchors()] == [1, 2, 0]
    assert third.heads == {}
    other = MemoryJournal()
    assert [one.problem for one in contradictions(other, place.anchors())] == [
        "1 runs were opened when it was anchored; it has 0",
        "was anchored, and is not there any more",
    ]


def test_a_bucket_without_locks_is_refused(s3, journal):
    bucket(s3, "plain", locked=False)
    place = anchor_place("s3://plain", region=REGION)
    with pytest.raises(RunbookError, match="has no Object Lock"):
        put(journal, place)
    assert "Contents" not in s3.list_objects_v2(Bucket="plain"), "found out before anything is written"
    with pytest.raises(UsageError, match="S3 needs a region"):
        anchor_place("s3://plain")
