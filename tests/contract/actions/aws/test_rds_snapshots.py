"""Snapshots taken, found by their age, and what was restored from them deleted again: through boto3 against moto."""

import pytest

from runbook_engine.actions.aws.rds_create_snapshot import RdsCreateSnapshot
from runbook_engine.actions.aws.rds_delete_restored import RdsDeleteRestored
from runbook_engine.actions.aws.rds_restore_snapshot import RdsRestoreSnapshot
from runbook_engine.actions.aws.rds_snapshot_check import RdsSnapshotCheck
from runbook_engine.sdk import ActionFailedError

REGION = "us-east-1"
TAKE = {"instance": "reviews", "name": "reviews-back", "region": REGION, "poll": "1s"}
RESTORE = {"snapshot": "reviews-back", "instance": "reviews-look", "region": REGION, "tags": {"purpose": "look"}}
DELETE = {"instance": "reviews-look", "tags": {"purpose": "look"}, "region": REGION, "poll": "1s"}


@pytest.fixture
def context(moto, cloud):
    return cloud(moto.endpoint)


@pytest.fixture
def home(context, boto):
    rds = boto("rds", REGION)
    rds.create_db_instance(
        DBInstanceIdentifier="reviews",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="dr",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
        BackupRetentionPeriod=0,  # an automated snapshot would be another one
    )
    return rds


def test_a_snapshot_is_taken_restored_and_what_was_restored_goes_again(
    moto, context, home, step, look, looks_without_writing
):
    assert looks_without_writing(moto, RdsCreateSnapshot(), TAKE, context).status == "unsatisfied"
    moto.slow("rds:DescribeDBSnapshots", b"<Status>available<", b"<Status>creating<", 2, after="rds:CreateDBSnapshot")
    outcome, _, outputs = step(RdsCreateSnapshot(), TAKE, context)
    assert (outcome, outputs["snapshot"]) == ("changed", "reviews-back")
    assert step(RdsCreateSnapshot(), TAKE, context)[0] == "unchanged"
    assert moto.count("rds:CreateDBSnapshot") == 1

    found = {"source_instance": "reviews", "snapshot": "reviews-back", "region": REGION}
    finding = looks_without_writing(moto, RdsSnapshotCheck(), found, context)
    assert (finding.status, finding.outputs["arn"]) == ("satisfied", outputs["arn"])

    assert step(RdsRestoreSnapshot(), RESTORE, context)[0] == "changed"
    assert looks_without_writing(moto, RdsDeleteRestored(), DELETE, context).status == "unsatisfied"
    assert step(RdsDeleteRestored(), DELETE, context)[0] == "changed"
    assert [one["DBInstanceIdentifier"] for one in home.describe_db_instances()["DBInstances"]] == ["reviews"]
    assert step(RdsDeleteRestored(), DELETE, context)[0] == "unchanged"

    RdsCreateSnapshot().revert(RdsCreateSnapshot.Params.model_validate(TAKE), context)
    assert look(RdsCreateSnapshot(), TAKE, context).status == "unsatisfied"


def test_a_snapshot_whose_reply_was_lost_is_not_taken_again(moto, context, home, survives_a_lost_reply):
    done = survives_a_lost_reply(moto, "rds:CreateDBSnapshot", RdsCreateSnapshot(), TAKE, context)
    assert done[0] == "unchanged"
    assert moto.count("rds:CreateDBSnapshot") == 1


def test_an_instance_that_no_step_restored_for_this_is_never_deleted(moto, context, home, step):
    with pytest.raises(ActionFailedError, match="was not made by a runbook"):
        step(RdsDeleteRestored(), {**DELETE, "instance": "reviews"}, context)
    step(RdsCreateSnapshot(), TAKE, context)
    step(RdsRestoreSnapshot(), {**RESTORE, "tags": {}}, context)
    with pytest.raises(ActionFailedError, match="does not carry the tag purpose=look"):
        step(RdsDeleteRestored(), DELETE, context)
    assert "rds:DeleteDBInstance" not in moto.calls
