"""aws.cfn_deploy against ministack, which has change sets, and against the model for stacks that fail."""

import json
import time
from datetime import UTC, datetime

import pytest
from support.aws_model import ModelService
from support.aws_wire import RefusedError

from runbook_engine.actions.aws.cfn_deploy import CfnDeploy
from runbook_engine.sdk import ActionFailedError, ServiceUnreachableError

STANDBY = "eu-west-1"
ACTION = CfnDeploy()
DEPLOY = {"stack": "app", "template": "app.yml", "parameters": {"Delay": "4"}, "region": STANDBY, "poll": "1s"}
TEMPLATE = """\
Parameters:
  Delay: {Type: Number}
  Note: {Type: String, Default: none, NoEcho: true}
Resources:
  Queue: {Type: "AWS::SQS::Queue", Properties: {DelaySeconds: !Ref Delay}}
Outputs:
  Url: {Value: !Ref Queue}
"""
NAMED = TEMPLATE.replace("DelaySeconds", "QueueName: !Sub 'q-${Delay}', DelaySeconds")


@pytest.fixture
def patient(ministack, cloud):
    """ministack works on stacks in the background: a pause is one of real time."""
    context = cloud(ministack.endpoint)
    context.project = {"app.yml": TEMPLATE.encode()}
    context.on_pause = lambda: time.sleep(0.1)
    return context


def another_attempt(context):
    """What an attempt made under its own name no longer tells the next one."""
    context.run = context.run.model_copy(update={"token": "f" * 64})


def revert(context, outputs, params=DEPLOY):
    return ACTION.revert(ACTION.Params.model_validate(params), context.with_recorded(outputs))


def test_a_stack_is_created_then_is_unchanged_then_is_reverted(
    ministack, patient, step, look, looks_without_writing, boto
):
    finding = looks_without_writing(ministack, ACTION, DEPLOY, patient)
    assert [change.what for change in finding.changes] == ["stack app"]
    outcome, _, outputs = step(ACTION, DEPLOY, patient)
    assert outcome == "changed"
    assert outputs["resource_changes"] == ["Add Queue (AWS::SQS::Queue)"]
    assert outputs["stack_outputs"]["Url"]
    assert outputs["created"]
    assert patient.outputs == [("stdout", b"Add Queue (AWS::SQS::Queue)\n")]
    tags = boto("cloudformation").describe_stacks(StackName="app")["Stacks"][0]["Tags"]
    assert {"dr:managed", "dr:run", "dr:step"} <= {tag["Key"] for tag in tags}
    another_attempt(patient)
    assert looks_without_writing(ministack, ACTION, DEPLOY, patient).satisfied
    assert step(ACTION, DEPLOY, patient)[0] == "unchanged"
    assert ministack.count("cloudformation:ExecuteChangeSet") == 1
    revert(patient, outputs)
    assert look(ACTION, DEPLOY, patient).status == "unsatisfied"
    assert not revert(patient, outputs).changed


def test_an_update_keeps_other_parameters_and_is_not_reverted(ministack, patient, step, boto):
    step(ACTION, {**DEPLOY, "parameters": {"Delay": "4", "Note": "secret"}}, patient)
    patient.run = patient.run.model_copy(update={"token": "f" * 64, "step": "later"})
    bigger = {**DEPLOY, "parameters": {"Delay": "5"}, "tags": {"service": "app"}}
    outcome, _, outputs = step(ACTION, bigger, patient)
    assert (outcome, outputs["created"]) == ("changed", False)
    stack = boto("cloudformation").describe_stacks(StackName="app")["Stacks"][0]
    assert {tag["Key"] for tag in stack["Tags"]} >= {"service", "dr:run"}
    [asked] = [wire.asked for wire in ministack.wires if wire.name == "cloudformation:CreateChangeSet"][1:]
    assert {"ParameterKey": "Note", "UsePreviousValue": True} in asked["Parameters"]
    url = outputs["stack_outputs"]["Url"]
    found = boto("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]
    assert found["DelaySeconds"] == "5"
    with pytest.raises(ActionFailedError, match="was there before this step"):
        revert(patient, outputs, bigger)


def test_a_difference_that_changes_nothing_leaves_the_step_unchanged(ministack, patient, step):
    step(ACTION, DEPLOY, patient)
    another_attempt(patient)
    patient.project = {"app.yml": b"# a comment\n" + TEMPLATE.encode()}
    applied = ACTION.apply(ACTION.Params.model_validate(DEPLOY), patient)
    assert not applied.changed
    assert ACTION.check(ACTION.Params.model_validate(DEPLOY), patient.reading(ACTION, DEPLOY)).satisfied
    assert ministack.count("cloudformation:ExecuteChangeSet") == 1


@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet"])
def test_a_lost_reply_is_not_a_second_change(ministack, patient, survives_a_lost_reply, operation):
    survives_a_lost_reply(ministack, f"cloudformation:{operation}", ACTION, DEPLOY, patient)


def test_a_template_that_is_none_fails_the_check(patient, look):
    patient.project = {"app.yml": b"Resources: {Queue: {Type: 3"}
    with pytest.raises(Exception, match="ValidationError"):
        look(ACTION, DEPLOY, patient)


class CloudFormation(ModelService):
    """A stack whose update takes four looks and fails, as no emulator lets it."""

    service = "cloudformation"
    arn = f"arn:aws:cloudformation:{STANDBY}:123456789012:stack/app/1"

    def __init__(self):
        self.state, self.looks, self.sets, self.executed = "UPDATE_COMPLETE", 0, {}, 0

    def describe_stacks(self, asked, region):
        if self.looks:
            self.looks -= 1
            self.state = "UPDATE_ROLLBACK_IN_PROGRESS" if self.looks else "UPDATE_ROLLBACK_FAILED"
        stack = {
            "StackId": self.arn,
            "StackName": "app",
            "StackStatus": self.state,
            "CreationTime": datetime(2026, 11, 1, tzinfo=UTC),
            "Parameters": [{"ParameterKey": "Delay", "ParameterValue": "3"}],
        }
        return {"Stacks": [stack]}

    def get_template(self, asked, region):
        return {"TemplateBody": TEMPLATE}

    def get_template_summary(self, asked, region):
        return {"Parameters": [{"ParameterKey": "Delay"}]}

    def list_change_sets(self, asked, region):
        return {"Summaries": []}

    def create_change_set(self, asked, region):
        self.sets[asked["ChangeSetName"]] = "AVAILABLE"
        return {"Id": "arn:change"}

    def describe_change_set(self, asked, region):
        if asked["ChangeSetName"] not in self.sets:
            raise RefusedError("ChangeSetNotFoundException")
        state = self.sets[asked["ChangeSetName"]]
        change = {"Action": "Modify", "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue"}
        changes = [{"Type": "Resource", "ResourceChange": {**change, "Replacement": "False"}}]
        return {"ChangeSetId": "arn:change", "Status": "CREATE_COMPLETE", "ExecutionStatus": state, "Changes": changes}

    def execute_change_set(self, asked, region):
        if self.sets[asked["ChangeSetName"]] != "AVAILABLE":
            raise RefusedError("InvalidChangeSetStatusException")
        self.sets[asked["ChangeSetName"]] = "EXECUTE_IN_PROGRESS"
        self.executed, self.looks = self.executed + 1, 4
        return {}

    def describe_stack_events(self, asked, region):
        facts = {"StackId": self.arn, "StackName": "app", "Timestamp": datetime(2026, 11, 23, tzinfo=UTC)}
        failed = {"ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "too many queues"}
        return {"StackEvents": [{**facts, **failed, "EventId": "e", "LogicalResourceId": "Queue"}]}


def test_a_failed_update_says_why_and_is_executed_once(modelled, cloud, look):
    fake = CloudFormation()
    faults = modelled(fake)
    context = cloud(faults.endpoint)
    context.project = {"app.yml": TEMPLATE.encode()}
    params = ACTION.Params.model_validate(DEPLOY)
    faults.lose_reply("cloudformation:ExecuteChangeSet")
    with pytest.raises(ServiceUnreachableError):
        ACTION.apply(params, context)
    with pytest.raises(ActionFailedError, match=r"UPDATE_ROLLBACK_FAILED.*Queue: too many queues"):
        ACTION.apply(params, context)
    with pytest.raises(ActionFailedError, match=r"UPDATE_ROLLBACK_FAILED.*Queue: too many queues"):
        look(ACTION, DEPLOY, context)
    assert fake.executed == 1


def test_a_json_template_is_compared_by_its_meaning(ministack, patient, step):
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 4}}}}
    patient.project = {"app.yml": json.dumps(template).encode()}
    params = {**DEPLOY, "parameters": {}}
    assert step(ACTION, params, patient)[0] == "changed"
    patient.project = {"app.yml": json.dumps(template, indent=2).encode()}
    another_attempt(patient)
    assert step(ACTION, params, patient)[0] == "unchanged"


def test_what_would_be_replaced_is_not_unless_the_step_says_so(ministack, patient, step):
    patient.project = {"app.yml": NAMED.encode()}
    step(ACTION, DEPLOY, patient)
    another_attempt(patient)
    other = {**DEPLOY, "parameters": {"Delay": "6"}}
    with pytest.raises(ActionFailedError, match="would remove or replace: Modify Queue"):
        step(ACTION, other, patient)
    assert step(ACTION, {**other, "replacement": True}, patient)[0] == "changed"
