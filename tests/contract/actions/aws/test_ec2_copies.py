"""The copies of images and volume snapshots through boto3 against moto, which is taught tokens, tags and slowness."""

import pytest
from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response

from runbook_engine.actions.aws.ami_copy import AmiCopy
from runbook_engine.actions.aws.ebs_copy_snapshot import EbsCopySnapshot
from runbook_engine.sdk import ActionFailedError

HOME, STANDBY = "us-east-1", "eu-west-1"


@pytest.fixture
def context(moto, cloud, monkeypatch):
    """moto forgets an image copy's tags and token; here it does not."""
    copied = {}
    plain = EC2Response.copy_image

    def copy_image(self):
        token = self._get_param("ClientToken")
        if token not in copied:
            tags = self._parse_tag_specification().get("image", {})
            copied[token] = plain(self).result["ImageId"]
            self.ec2_backend.create_tags([copied[token]], tags)
        return ActionResult({"ImageId": copied[token]})

    monkeypatch.setattr(EC2Response, "copy_image", copy_image)
    return cloud(moto.endpoint)


@pytest.fixture
def image(context, boto):
    ec2 = boto("ec2", HOME)
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    return ec2.create_image(InstanceId=instance, Name="web")["ImageId"]


@pytest.fixture
def snapshot(context, boto):
    ec2 = boto("ec2", HOME)
    volume = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=8)["VolumeId"]
    return ec2.create_snapshot(VolumeId=volume)["SnapshotId"]


def where(**more):
    return {"source_region": HOME, "region": STANDBY, "poll": "1s", **more}


def test_an_image_is_copied_then_is_unchanged_then_is_reverted(
    moto, context, image, step, look, looks_without_writing, boto
):
    action, params = AmiCopy(), where(image=image)
    assert looks_without_writing(moto, action, params, context).status == "unsatisfied"
    moto.slow("ec2:DescribeImages", b"<imageState>available<", b"<imageState>pending<", 4, after="ec2:CopyImage")
    outcome, finding, outputs = step(action, params, context)
    assert outcome == "changed"
    assert any("pending" in text for text in context.progress_texts)
    assert finding.recovery_point is not None
    copy = boto("ec2").describe_images(ImageIds=[outputs["image"]])["Images"][0]
    assert copy["Name"] == "web"
    assert {"dr:managed", "dr:run", "dr:step", "dr:source", "dr:recovery-point"} <= {tag["Key"] for tag in copy["Tags"]}
    assert step(action, params, context)[0] == "unchanged"
    action.revert(action.Params.model_validate(params), context)
    assert look(action, params, context).status == "unsatisfied"


def test_a_lost_reply_makes_no_second_image(moto, context, image, survives_a_lost_reply):
    survives_a_lost_reply(moto, "ec2:CopyImage", AmiCopy(), where(image=image), context)


def test_an_image_that_is_not_shown_yet_is_not_made_twice(moto, context, image, boto):
    """EC2 shows it a while later: a second attempt with the same token is given the same image."""
    action = AmiCopy()
    params = action.Params.model_validate(where(image=image))
    before = {found["ImageId"] for found in boto("ec2").describe_images(Owners=["self"])["Images"]}
    action.apply(params, context)
    made = {found["ImageId"] for found in boto("ec2").describe_images(Owners=["self"])["Images"]} - before
    assert len(made) == 1
    boto("ec2").delete_tags(Resources=list(made), Tags=[{"Key": "dr:source"}])
    action.apply(params, context)
    assert {found["ImageId"] for found in boto("ec2").describe_images(Owners=["self"])["Images"]} - before == made


def test_a_snapshot_is_copied_then_is_unchanged_then_is_reverted(
    moto, context, snapshot, step, look, looks_without_writing, survives_a_lost_reply
):
    action, params = EbsCopySnapshot(), where(snapshot=snapshot)
    assert looks_without_writing(moto, action, params, context).recovery_point is not None
    moto.slow("ec2:DescribeSnapshots", b"<status>completed<", b"<status>pending<", 4, after="ec2:CopySnapshot")
    survives_a_lost_reply(moto, "ec2:CopySnapshot", action, params, context)
    assert any("pending" in text for text in context.progress_texts)
    outcome, finding, outputs = step(action, params, context)
    assert outcome == "unchanged"
    assert outputs["size"] == 8
    assert finding.recovery_point is not None
    action.revert(action.Params.model_validate(params), context)
    assert look(action, params, context).status == "unsatisfied"


def test_a_foreign_copy_is_not_deleted(context, snapshot, boto):
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "dr:source", "Value": f"{HOME}/{snapshot}"}]}]
    copy = boto("ec2").copy_snapshot(SourceRegion=HOME, SourceSnapshotId=snapshot, TagSpecifications=tags)["SnapshotId"]
    action = EbsCopySnapshot()
    with pytest.raises(ActionFailedError, match="was not made by a runbook"):
        action.revert(action.Params.model_validate(where(snapshot=snapshot)), context)
    assert boto("ec2").describe_snapshots(SnapshotIds=[copy])["Snapshots"]
