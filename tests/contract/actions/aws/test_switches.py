"""aws.rule_state and aws.health_check through boto3 against moto, whose event sources are made slow."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.actions.aws.health_check import HealthCheck
from runbook_engine.actions.aws.rule_state import RuleState
from runbook_engine.sdk import AwsError

STANDBY = "eu-west-1"
ACTION = RuleState()


@pytest.fixture
def context(moto, cloud):
    return cloud(moto.endpoint)


@pytest.fixture
def rule(context, boto):
    boto("events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)", State="DISABLED", Description="orders")
    return {"rule": "nightly", "state": "enabled", "region": STANDBY, "poll": "1s"}


@pytest.fixture
def schedule(context, boto):
    boto("scheduler").create_schedule_group(Name="orders")
    boto("scheduler").create_schedule(
        Name="nightly",
        GroupName="orders",
        ScheduleExpression="cron(0 3 * * ? *)",
        ScheduleExpressionTimezone="Europe/Vienna",
        State="DISABLED",
        Description="orders",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        Target={
            "Arn": f"arn:aws:sqs:{STANDBY}:123456789012:orders",
            "RoleArn": "arn:aws:iam::123456789012:role/nightly",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 600, "MaximumRetryAttempts": 2},
        },
    )
    return {"schedule": "nightly", "group": "orders", "state": "enabled", "region": STANDBY, "poll": "1s"}


@pytest.fixture
def event_source(context, boto):
    queue = boto("sqs").create_queue(QueueName="orders")["QueueUrl"]
    arn = boto("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = boto("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1"
    boto("lambda").create_function(FunctionName="orders", PackageType="Image", Role=role, Code={"ImageUri": image})
    made = boto("lambda").create_event_source_mapping(FunctionName="orders", EventSourceArn=arn, Enabled=False)
    return {"event_source": made["UUID"], "state": "enabled", "region": STANDBY, "poll": "1s"}


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("rule", "events:EnableRule"),
        ("schedule", "scheduler:UpdateSchedule"),
        ("event_source", "lambda:UpdateEventSourceMapping"),
    ],
)
def test_it_is_enabled_once_then_is_unchanged_then_is_reverted(
    moto, context, request, kind, operation, look, step, looks_without_writing, survives_a_lost_reply
):
    params = request.getfixturevalue(kind)
    assert looks_without_writing(moto, ACTION, params, context).status == "unsatisfied"
    outcome, _, outputs = survives_a_lost_reply(moto, operation, ACTION, params, context)
    assert (outcome, outputs["state"]) == ("unchanged", "enabled")
    model = ACTION.Params.model_validate(params)
    ACTION.revert(model, context)
    assert look(ACTION, params, context).status == "unsatisfied"
    assert step(ACTION, params, context)[0] == "changed"


def test_a_schedule_keeps_all_else(moto, context, schedule, boto, step):
    before = boto("scheduler").get_schedule(Name="nightly", GroupName="orders")
    step(ACTION, schedule, context)
    after = boto("scheduler").get_schedule(Name="nightly", GroupName="orders")
    assert after["State"] == "ENABLED"
    for changed in ("State", "LastModificationDate", "ResponseMetadata"):
        del before[changed], after[changed]
    assert after == before


def test_a_schedule_that_has_begun_is_written_without_its_start(moto, context, schedule, boto, step):
    """Scheduler refuses a start that has passed; moto takes it, and refuses here as AWS does."""
    start = datetime.now(UTC) + timedelta(days=1)
    found = boto("scheduler").get_schedule(Name="nightly", GroupName="orders")
    kept = {name: found[name] for name in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    boto("scheduler").update_schedule(**kept, State="DISABLED", StartDate=start)
    moto.forget()
    why = "The StartDate you specify cannot be earlier than 5 minutes ago."
    moto.refuse("scheduler:UpdateSchedule", "ValidationException", why)
    assert step(ACTION, schedule, context)[0] == "changed"
    asked = [wire.asked for wire in moto.wires if wire.name == "scheduler:UpdateSchedule"]
    assert ["StartDate" in one for one in asked] == [True, False]
    assert asked[0]["ClientToken"] != asked[1]["ClientToken"]


def test_another_refusal_of_a_schedule_is_told(moto, context, schedule):
    moto.refuse("scheduler:UpdateSchedule", "ValidationException", "The role can't be assumed")
    with pytest.raises(AwsError, match="role can't be assumed"):
        ACTION.apply(ACTION.Params.model_validate(schedule), context)


def test_an_event_source_is_waited_for(moto, context, event_source, step):
    moto.slow("lambda:GetEventSourceMapping", b'"Enabled"', b'"Enabling"', 3, after="lambda:UpdateEventSourceMapping")
    assert step(ACTION, event_source, context)[0] == "changed"
    assert any("Enabling" in text for text in context.progress_texts)


@pytest.fixture
def health_check(context, boto):
    config = {"Type": "HTTPS", "FullyQualifiedDomainName": "app.example.com", "Port": 443, "FailureThreshold": 3}
    made = boto("route53").create_health_check(CallerReference="1", HealthCheckConfig=config)
    return {"health_check": made["HealthCheck"]["Id"], "inverted": True, "disabled": True, "poll": "1s"}


def test_a_health_check_is_set_once_then_is_unchanged_then_is_reverted(
    moto, context, health_check, boto, look, step, looks_without_writing, survives_a_lost_reply
):
    action = HealthCheck()
    assert looks_without_writing(moto, action, health_check, context).status == "unsatisfied"
    outcome, _, outputs = survives_a_lost_reply(moto, "route53:UpdateHealthCheck", action, health_check, context)
    assert (outcome, outputs["before"]) == ("unchanged", {"inverted": False, "disabled": False})
    action.revert(action.Params.model_validate(health_check), context.with_recorded(outputs))
    config = boto("route53").get_health_check(HealthCheckId=health_check["health_check"])["HealthCheck"]
    assert (config["HealthCheckConfig"]["Inverted"], config["HealthCheckConfig"]["Disabled"]) == (False, False)
    assert config["HealthCheckConfig"]["FullyQualifiedDomainName"] == "app.example.com"
    assert look(action, health_check, context).status == "unsatisfied"


def test_a_health_check_that_somebody_else_changed_meanwhile_is_not_set(moto, context, health_check):
    moto.refuse("route53:UpdateHealthCheck", "HealthCheckVersionMismatch", "the version is another")
    action = HealthCheck()
    with pytest.raises(AwsError, match="the version is another"):
        action.apply(action.Params.model_validate(health_check), context)
    asked = [wire.asked for wire in moto.wires if wire.name == "route53:UpdateHealthCheck"]
    assert asked[0]["HealthCheckVersion"] == 1
