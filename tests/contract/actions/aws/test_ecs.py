"""aws.ecs_service through boto3 against moto, which keeps the deployment as it was made; rollouts against the model."""

import pytest
from support.aws_model import ModelService

from runbook_engine.actions.aws.ecs_service import EcsService
from runbook_engine.sdk import ActionFailedError

STANDBY = "eu-west-1"
WANTED = {"cluster": "c", "service": "web", "desired": 2, "task_definition": "web:2", "region": STANDBY, "poll": "1s"}
ACTION = EcsService()


@pytest.fixture
def context(moto, cloud, boto):
    context = cloud(moto.endpoint)
    ecs = boto("ecs")
    ecs.create_cluster(clusterName="c")
    for _ in range(2):
        ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 64}])
    ecs.create_service(cluster="c", serviceName="web", taskDefinition="web:1", desiredCount=0)
    return context


def runs(boto):
    service = boto("ecs").describe_services(cluster="c", services=["web"])["services"][0]
    return service["desiredCount"], service["runningCount"], service["taskDefinition"].rsplit("/", 1)[-1]


def test_a_service_grows_then_is_unchanged_then_is_reverted(moto, context, boto, step, look, looks_without_writing):
    finding = looks_without_writing(moto, ACTION, WANTED, context)
    assert [change.what for change in finding.changes] == ["desired count of web", "task definition of web"]
    moto.slow("ecs:DescribeServices", b'"runningCount": 2', b'"runningCount": 1', 4, after="ecs:UpdateService")
    outcome, _, outputs = step(ACTION, WANTED, context)
    assert outcome == "changed"
    assert any("1 of 2 running" in text for text in context.progress_texts)
    assert runs(boto) == (2, 2, "web:2")
    assert outputs["before"] == {"desired": 0, "task_definition": "web:1"}
    assert step(ACTION, WANTED, context)[0] == "unchanged"
    ACTION.revert(ACTION.Params.model_validate(WANTED), context.with_recorded(outputs))
    assert runs(boto) == (0, 0, "web:1")
    assert look(ACTION, WANTED, context).status == "unsatisfied"


def test_a_lost_reply_is_not_repeated_and_loses_nothing_of_before(moto, context, survives_a_lost_reply):
    outcome, _, outputs = survives_a_lost_reply(moto, "ecs:UpdateService", ACTION, WANTED, context)
    assert outcome == "unchanged"
    assert outputs["before"] == {"desired": 0, "task_definition": "web:1"}


def test_what_may_be_more_is_reverted_to_what_it_was_all_the_same(context, boto, step):
    params = {**WANTED, "at_least": True}
    _, _, outputs = step(ACTION, params, context)
    ACTION.revert(ACTION.Params.model_validate(params), context.with_recorded(outputs))
    assert runs(boto) == (0, 0, "web:1")


class Rollout(ModelService):
    """A service whose new deployment takes some looks, and then succeeds, or is given up and rolled back."""

    service = "ecs"

    def __init__(self, ends):
        self.ends, self.looks, self.updates, self.tags = ends, 0, [], []
        self.deployments = [self.deployment("old", "web:1", "COMPLETED")]

    @staticmethod
    def deployment(name, task_definition, state, **more):
        return {
            "id": name,
            "status": "PRIMARY",
            "taskDefinition": f"arn:aws:ecs:{STANDBY}:123456789012:task-definition/{task_definition}",
            "rolloutState": state,
            "desiredCount": 2,
            "runningCount": 2,
            "failedTasks": 0,
            **more,
        }

    def describe_services(self, asked, region):
        assert asked == {"cluster": "c", "services": ["web"], "include": ["TAGS"]}
        if self.looks:
            self.looks -= 1
            if not self.looks:
                old, new = self.deployment("old", "web:1", "COMPLETED"), self.deployments[0]
                reason = {"rolloutStateReason": "ECS deployment circuit breaker: tasks failed to start."}
                self.deployments = {
                    "COMPLETED": [{**new, "rolloutState": "COMPLETED"}],
                    "FAILED": [{**new, "rolloutState": "FAILED", **reason}],
                    "ROLLBACK": [old, {**new, "status": "ACTIVE", "rolloutState": "FAILED", **reason}],
                }[self.ends]
        service = {
            "serviceName": "web",
            "serviceArn": f"arn:aws:ecs:{STANDBY}:123456789012:service/c/web",
            "status": "ACTIVE",
            "desiredCount": 2,
            "runningCount": 2,
            "pendingCount": 0,
            "taskDefinition": self.deployments[0]["taskDefinition"],
            "deployments": self.deployments,
            "tags": self.tags,
        }
        return {"services": [service], "failures": []}

    def tag_resource(self, asked, region):
        self.tags = asked["tags"]
        return {}

    def update_service(self, asked, region):
        self.updates.append(asked)
        self.looks = 4
        new = self.deployment("new", asked["taskDefinition"], "IN_PROGRESS")
        self.deployments = [new, {**self.deployments[0], "status": "ACTIVE"}]
        return {"service": {"serviceName": "web"}}


def test_a_rollout_is_waited_for(modelled, cloud, step):
    fake = Rollout("COMPLETED")
    context = cloud(modelled(fake).endpoint)
    outcome, _, outputs = step(ACTION, WANTED, context)
    assert (outcome, outputs["task_definition"]) == ("changed", "web:2")
    assert any("2 deployments" in text for text in context.progress_texts)
    # The count is as wanted, and a service that scales by itself is not set back to it.
    assert fake.updates == [{"cluster": "c", "service": "web", "taskDefinition": "web:2"}]


@pytest.mark.parametrize("ends", ["FAILED", "ROLLBACK"])
def test_a_rollout_that_ecs_gives_up_fails_at_once(modelled, cloud, ends):
    context = cloud(modelled(Rollout(ends)).endpoint)
    with pytest.raises(ActionFailedError, match=r"given up by ECS, .*tasks failed to start"):
        ACTION.apply(ACTION.Params.model_validate(WANTED), context)
