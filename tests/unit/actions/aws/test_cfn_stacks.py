"""Why a stack's operation failed: the resources that failed first, of the last operation only."""

from runbook_engine.actions.aws.cfn_stacks import Stack, why_failed
from runbook_engine.testing import FakeAws

STACK = Stack(id="arn:app", state="UPDATE_ROLLBACK_COMPLETE", reason="the stack's own words")


def event(name, status, words):
    physical = "arn:app" if name == "app" else name
    return {
        "StackId": "arn:app",
        "LogicalResourceId": name,
        "PhysicalResourceId": physical,
        "ResourceStatus": status,
        "ResourceStatusReason": words,
    }


def why(*events):
    fake = FakeAws({"cloudformation:describe_stack_events": {"StackEvents": list(events)}})
    return why_failed(fake.client("cloudformation", region="eu-west-1", read_only=True), STACK)


def test_the_first_failures_of_the_last_operation_are_told_in_their_order():
    late = [event(f"R{number}", "UPDATE_FAILED", f"because {number}") for number in (4, 3, 2, 1)]
    told = why(
        event("app", "UPDATE_ROLLBACK_COMPLETE", ""),
        event("Late", "UPDATE_FAILED", "Resource update cancelled"),
        *late,
        event("Fine", "UPDATE_COMPLETE", ""),
        event("app", "UPDATE_IN_PROGRESS", "User Initiated"),
        event("Old", "UPDATE_FAILED", "long ago"),
    )
    assert told == "R1: because 1; R2: because 2; R3: because 3"


def test_without_a_failed_resource_the_stacks_own_words_are_told():
    assert why(event("app", "UPDATE_IN_PROGRESS", "User Initiated")) == "the stack's own words"


def test_what_was_cancelled_because_of_another_is_not_told():
    late = event("Late", "UPDATE_FAILED", "Resource update cancelled")
    assert why(late, event("R1", "UPDATE_FAILED", "because")) == "R1: because"
