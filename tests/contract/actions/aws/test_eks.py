"""aws.eks_nodegroup through boto3 against the model: no emulator has its updates, tags and Auto Scaling group together."""

from datetime import UTC, datetime

import pytest
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.eks_nodegroup import EksNodegroup
from runbook_engine.sdk import ActionFailedError, AwsError

STANDBY = "eu-west-1"
SIZES = {"cluster": "c", "nodegroup": "web", "min": 2, "desired": 3, "region": STANDBY, "poll": "1s"}
ACTION = EksNodegroup()


class Eks(ModelService):
    """A node group whose update takes two looks."""

    service = "eks"

    def __init__(self):
        self.sizes, self.tags, self.updates, self.looks = {"minSize": 0, "maxSize": 2, "desiredSize": 1}, {}, {}, 0
        self.busy = False

    def describe_nodegroup(self, asked, region):
        assert asked == {"clusterName": "c", "nodegroupName": "web"}
        node = {
            "nodegroupName": "web",
            "nodegroupArn": f"arn:aws:eks:{region}:123456789012:nodegroup/c/web/1",
            "status": "UPDATING" if self.looks else "ACTIVE",
            "scalingConfig": self.sizes,
            "resources": {"autoScalingGroups": [{"name": "eks-web"}]},
            "health": {"issues": []},
            "tags": self.tags,
        }
        return {"nodegroup": node}

    def tag_resource(self, asked, region):
        self.tags = {**self.tags, **asked["tags"]}
        return {}

    def update_nodegroup_config(self, asked, region):
        if self.busy:
            raise RefusedError("ResourceInUseException")
        self.sizes = asked["scalingConfig"]
        self.updates[asked["clientRequestToken"]], self.looks = asked, 2
        return {"update": {"id": "u1", "status": "InProgress", "type": "ConfigUpdate"}}

    def describe_update(self, asked, region):
        assert asked == {"name": "c", "nodegroupName": "web", "updateId": "u1"}
        self.looks = max(self.looks - 1, 0)
        return {"update": {"id": "u1", "status": "InProgress" if self.looks else "Successful"}}


class AutoScaling(ModelService):
    """The node group's Auto Scaling group, which gets one instance more, or less, a look."""

    service = "autoscaling"

    def __init__(self, eks):
        self.eks, self.running = eks, 1

    def describe_auto_scaling_groups(self, asked, region):
        desired = self.eks.sizes["desiredSize"]
        self.running += (desired > self.running) - (desired < self.running)
        group = {
            "AutoScalingGroupName": asked["AutoScalingGroupNames"][0],
            "MinSize": self.eks.sizes["minSize"],
            "MaxSize": self.eks.sizes["maxSize"],
            "DesiredCapacity": desired,
            "DefaultCooldown": 300,
            "AvailabilityZones": [f"{STANDBY}a"],
            "HealthCheckType": "EC2",
            "CreatedTime": datetime(2026, 11, 1, tzinfo=UTC),
            "Instances": [self.instance(number) for number in range(self.running)],
        }
        return {"AutoScalingGroups": [group]}

    @staticmethod
    def instance(number):
        return {
            "InstanceId": f"i-{number:08x}",
            "AvailabilityZone": f"{STANDBY}a",
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": False,
        }

    def describe_scaling_activities(self, asked, region):
        return {"Activities": []}


@pytest.fixture
def eks():
    return Eks()


@pytest.fixture
def faults(eks, modelled):
    return modelled(eks, AutoScaling(eks))


@pytest.fixture
def context(faults, cloud):
    return cloud(faults.endpoint)


def test_a_node_group_grows_then_is_unchanged_then_is_reverted(faults, context, eks, step, look, looks_without_writing):
    finding = looks_without_writing(faults, ACTION, SIZES, context)
    assert [change.what for change in finding.changes] == ["min of web", "max of web", "desired of web"]
    outcome, _, outputs = step(ACTION, SIZES, context)
    assert outcome == "changed"
    assert any("update InProgress" in text for text in context.progress_texts)
    assert any("2 of 3 in service" in text for text in context.progress_texts)
    assert eks.sizes == {"minSize": 2, "maxSize": 3, "desiredSize": 3}
    assert outputs["before"] == {"min": 0, "max": 2, "desired": 1}
    assert step(ACTION, SIZES, context)[0] == "unchanged"
    ACTION.revert(ACTION.Params.model_validate(SIZES), context.with_recorded(outputs))
    assert eks.sizes == {"minSize": 0, "maxSize": 2, "desiredSize": 1}
    assert look(ACTION, SIZES, context).status == "unsatisfied"


def test_a_lost_reply_is_not_repeated_and_loses_nothing_of_before(faults, context, eks, survives_a_lost_reply):
    eks_looks_on(eks, context)
    _, _, outputs = survives_a_lost_reply(faults, "eks:UpdateNodegroupConfig", ACTION, SIZES, context)
    assert outputs["before"] == {"min": 0, "max": 2, "desired": 1}
    assert len(eks.updates) == 1


def eks_looks_on(eks, context):
    """Nobody asks for the lost update by its id; it ends by itself."""
    context.on_pause = lambda: setattr(eks, "looks", 0)


def test_what_is_busy_says_what_to_do(context, eks):
    eks.busy = True
    with pytest.raises(AwsError) as refused:
        ACTION.apply(ACTION.Params.model_validate(SIZES), context)
    assert "something else works on it" in refused.value.hint


def test_there_is_no_such_node_group(context, eks, look):
    eks.describe_nodegroup = raises
    with pytest.raises(ActionFailedError, match="there is no node group web of cluster c"):
        look(ACTION, SIZES, context)


def raises(asked, region):
    raise RefusedError("ResourceNotFoundException", "No node group found for name: web.")
