"""aws.ec2_launch through boto3 against moto, which is taught tokens; instances that die at once, against the model."""

import pytest
from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from support.aws_model import ModelService

from runbook_engine.actions.aws.ec2_launch import Ec2Launch
from runbook_engine.sdk import ActionFailedError

STANDBY = "eu-west-1"
LAUNCH = {"name": "web-dr", "count": 2, "launch_template": "web", "region": STANDBY, "poll": "1s"}
ACTION = Ec2Launch()


@pytest.fixture
def context(moto, cloud, boto, monkeypatch):
    """moto launches again for the same token; here it does not."""
    made = {}
    plain = EC2Response.run_instances

    def run_instances(self):
        token = self._get_param("ClientToken")
        made[token] = made.get(token) or plain(self).result
        return ActionResult(made[token])

    monkeypatch.setattr(EC2Response, "run_instances", run_instances)
    context = cloud(moto.endpoint)
    data = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
    boto("ec2").create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    return context


def running(boto):
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found = boto("ec2").describe_instances(Filters=filters)["Reservations"]
    return [one for reservation in found for one in reservation["Instances"]]


def test_instances_are_launched_then_are_unchanged_then_are_reverted(
    moto, context, boto, step, look, looks_without_writing
):
    assert looks_without_writing(moto, ACTION, LAUNCH, context).summary == "0 of 2 instances web-dr run"
    moto.slow("ec2:DescribeInstanceStatus", b"<status>ok<", b"<status>initializing<", 3)
    outcome, _, outputs = step(ACTION, LAUNCH, context)
    assert outcome == "changed"
    assert any("initializing" in text for text in context.progress_texts)
    assert sorted(one["InstanceId"] for one in running(boto)) == outputs["instances"] == outputs["launched"]
    tags = {tag["Key"]: tag["Value"] for tag in running(boto)[0]["Tags"]}
    assert (tags["Name"], tags["dr:launch"], tags["dr:managed"]) == ("web-dr", "web-dr", "runbook-engine")
    assert step(ACTION, LAUNCH, context)[0] == "unchanged"
    boto("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    params = ACTION.Params.model_validate(LAUNCH)
    assert not ACTION.revert(params, context).changed
    ACTION.revert(params, context.with_recorded(outputs))
    assert len(running(boto)) == 1
    assert look(ACTION, LAUNCH, context).status == "unsatisfied"


def test_what_lacks_is_launched_and_only_that_is_reverted(context, boto, step):
    _, _, first = step(ACTION, LAUNCH, context)
    context.run = context.run.model_copy(update={"id": "run-2", "token": "f" * 64})
    _, _, outputs = step(ACTION, {**LAUNCH, "count": 3}, context)
    assert len(outputs["instances"]) == 3
    assert set(outputs["launched"]) == set(outputs["instances"]) - set(first["instances"])
    params = ACTION.Params.model_validate({**LAUNCH, "count": 3})
    ACTION.revert(params, context.with_recorded(outputs))
    assert sorted(one["InstanceId"] for one in running(boto)) == first["instances"]


def test_a_lost_reply_launches_nothing_twice(moto, context, boto, survives_a_lost_reply):
    outcome, _, outputs = survives_a_lost_reply(moto, "ec2:RunInstances", ACTION, LAUNCH, context)
    assert (outcome, outputs["launched"]) == ("unchanged", outputs["instances"])
    assert len(running(boto)) == 2


def test_instances_that_are_not_shown_yet_are_not_launched_twice(moto, context, boto):
    """EC2 shows them a while later: the same token gives the same instances."""
    params = ACTION.Params.model_validate(LAUNCH)
    ACTION.apply(params, context)
    ids = [one["InstanceId"] for one in running(boto)]
    boto("ec2").delete_tags(Resources=ids, Tags=[{"Key": "dr:launch"}])
    context.on_pause = lambda: boto("ec2").create_tags(Resources=ids, Tags=[{"Key": "dr:launch", "Value": "web-dr"}])
    ACTION.apply(params, context)
    assert [one["InstanceId"] for one in running(boto)] == ids


class NoKey(ModelService):
    """Instances that end at once, as those whose volume's key may not be used."""

    service = "ec2"

    def __init__(self):
        self.instances = []

    def describe_instances(self, asked, region):
        return {"Reservations": [{"Instances": self.instances}]}

    def run_instances(self, asked, region):
        reason = {"Code": "Client.InternalError", "Message": "Client.InternalError: Client error on launch"}
        state = {"Code": 48, "Name": "terminated"}
        one = {"InstanceId": "i-0a", "State": state, "StateReason": reason, "ClientToken": asked["ClientToken"]}
        self.instances = [one]
        return {"Instances": self.instances}


def test_an_instance_that_dies_at_once_ends_it(modelled, cloud):
    context = cloud(modelled(NoKey()).endpoint)
    with pytest.raises(ActionFailedError, match=r"terminated by EC2.* i-0a: Client\.InternalError"):
        ACTION.apply(ACTION.Params.model_validate(LAUNCH), context)
