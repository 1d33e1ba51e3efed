"""aws.asg_capacity through boto3 against moto; failing launches, which moto has none of, against the model."""

from datetime import UTC, datetime

import pytest
from support.aws_model import ModelService

from runbook_engine.actions.aws.asg_capacity import AsgCapacity
from runbook_engine.sdk import ActionFailedError, DeadlineError

STANDBY = "eu-west-1"
SIZES = {"group": "web", "min": 2, "desired": 3, "region": STANDBY, "poll": "1s"}
ACTION = AsgCapacity()


@pytest.fixture
def context(moto, cloud, boto):
    context = cloud(moto.endpoint)
    boto("autoscaling").create_launch_configuration(
        LaunchConfigurationName="web", ImageId="ami-12c6146b", InstanceType="t3.micro"
    )
    boto("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=1,
        AvailabilityZones=[f"{STANDBY}a"],
    )
    return context


def sizes(boto):
    group = boto("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
    return group["MinSize"], group["MaxSize"], group["DesiredCapacity"], len(group["Instances"])


def test_a_group_grows_then_is_unchanged_then_is_reverted(moto, context, boto, step, look, looks_without_writing):
    finding = looks_without_writing(moto, ACTION, SIZES, context)
    assert [change.what for change in finding.changes] == ["min of web", "max of web", "desired of web"]
    moto.slow(
        "autoscaling:DescribeAutoScalingGroups",
        b">InService<",
        b">Pending<",
        3,
        after="autoscaling:UpdateAutoScalingGroup",
    )
    outcome, _, outputs = step(ACTION, SIZES, context)
    assert outcome == "changed"
    assert any("0 of 3 in service" in text for text in context.progress_texts)
    assert outputs["before"] == {"min": 0, "max": 2, "desired": 1}
    assert sizes(boto) == (2, 3, 3, 3)
    assert step(ACTION, SIZES, context)[0] == "unchanged"
    ACTION.revert(ACTION.Params.model_validate(SIZES), context.with_recorded(outputs))
    assert sizes(boto) == (0, 2, 1, 1)
    assert look(ACTION, SIZES, context).status == "unsatisfied"


def test_a_lost_reply_is_not_repeated_and_loses_nothing_of_before(moto, context, survives_a_lost_reply):
    outcome, _, outputs = survives_a_lost_reply(moto, "autoscaling:UpdateAutoScalingGroup", ACTION, SIZES, context)
    assert outcome == "unchanged"
    assert outputs["before"] == {"min": 0, "max": 2, "desired": 1}


def test_what_another_run_noted_is_not_ours(context, step):
    step(ACTION, SIZES, context)
    context.run = context.run.model_copy(update={"id": "run-2"})
    outcome, _, outputs = step(ACTION, SIZES, context)
    assert (outcome, "before" in outputs) == ("unchanged", False)
    outcome, _, outputs = step(ACTION, {**SIZES, "desired": 2}, context)
    assert (outcome, outputs["before"]) == ("changed", {"min": 2, "max": 3, "desired": 3})


def test_a_wait_that_takes_too_long_says_how_far_it_is(moto, context):
    moto.slow("autoscaling:DescribeAutoScalingGroups", b">InService<", b">Pending<", 99)
    with pytest.raises(DeadlineError, match="last seen: 0 of 3 in service"):
        ACTION.apply(ACTION.Params.model_validate({**SIZES, "timeout": "5s"}), context)


class NoCapacity(ModelService):
    """A group whose launches all fail."""

    service = "autoscaling"

    def __init__(self):
        self.desired, self.failed, self.instances = 0, 0, []

    def describe_auto_scaling_groups(self, asked, region):
        group = {
            "AutoScalingGroupName": asked["AutoScalingGroupNames"][0],
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": self.desired,
            "DefaultCooldown": 300,
            "AvailabilityZones": [f"{STANDBY}a"],
            "HealthCheckType": "EC2",
            "CreatedTime": datetime(2026, 11, 1, tzinfo=UTC),
            "Instances": self.instances,
        }
        return {"AutoScalingGroups": [group]}

    def describe_scaling_activities(self, asked, region):
        assert asked["AutoScalingGroupName"] == "web"
        reason = "We currently do not have sufficient t3.micro capacity. InsufficientInstanceCapacity"
        self.failed += bool(self.desired)
        activities = [
            {
                "ActivityId": str(number),
                "AutoScalingGroupName": "web",
                "Cause": "a difference between desired and actual capacity",
                "StartTime": datetime(2026, 11, 23, tzinfo=UTC),
                "StatusCode": "Failed",
                "StatusMessage": reason,
            }
            for number in range(self.failed)
        ]
        return {"Activities": activities[::-1]}

    def create_or_update_tags(self, asked, region):
        return {}

    def update_auto_scaling_group(self, asked, region):
        self.desired = asked["DesiredCapacity"]
        return {}


def test_launches_that_fail_end_it(modelled, cloud):
    context = cloud(modelled(NoCapacity()).endpoint)
    with pytest.raises(ActionFailedError, match=r"3 failed, 0 of 2 in service; .* InsufficientInstanceCapacity"):
        ACTION.apply(ACTION.Params.model_validate({**SIZES, "min": None, "desired": 2}), context)
    assert any("1 failed: We currently" in text for text in context.progress_texts)
