"""aws.rule_state: an EventBridge rule, a schedule or a Lambda event source is enabled or disabled."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import PolledParams, client
from runbook_engine.actions.aws.marks import token
from runbook_engine.actions.aws.triggers import DISABLED, ENABLED, EventSource, Rule, Schedule, Switch, Trigger
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Applied,
    Change,
    Finding,
    JsonValue,
    Outputs,
    satisfied,
    unsatisfied,
)

TERMINAL = frozenset({"Deleting"})


class RuleParams(PolledParams):
    """What to switch, and how it shall stand."""

    rule: str | None = Field(
        None, max_length=64, description="name of an EventBridge rule", examples=["nightly-orders"]
    )
    bus: str = Field("default", min_length=1, description="its event bus, by name or ARN")
    schedule: str | None = Field(
        None, max_length=64, description="in place of it: name of a schedule of EventBridge Scheduler"
    )
    group: str = Field("default", min_length=1, description="the schedule's group")
    event_source: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="in place of both: UUID of a Lambda event source mapping (a queue or stream that a function reads)",
        examples=["14e0db71-5d35-4eb5-b481-8945cf9d10c2"],
    )
    state: Literal["enabled", "disabled"] = Field(description="how it shall stand", examples=["enabled"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.rule, self.schedule, self.event_source].count(None) != len(("rule", "schedule")):
            raise ValueError("give exactly one of rule, schedule and event_source")
        return self


class RuleOutputs(Outputs):
    """How it stands."""

    arn: str = Field("", description="ARN of what was switched")
    state: str = Field("", description="enabled or disabled")
    previous: str = Field("", description="how it stood before this step switched it, in AWS's words")


class RuleState(Action[RuleParams]):
    """Enable or disable what sets work off: an EventBridge rule, a schedule, or an event source of a Lambda function.

    Used so that jobs run, and queues are read, in one region only. One at a time; use `loop` for several.
    check: compares. What is not there, and a rule that an AWS service manages, fail the step, in a dry run too.
    apply: switches, and waits where it takes a while (event sources do). A schedule is written anew as it was read,
    with the other state: Scheduler knows no other way. A start that has passed is left out, which Scheduler refuses.
    revert: switches it the other way. A rule that received CloudTrail's management events as well
    (ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, see the output `previous`) does not receive these again.
    """

    name = "aws.rule_state"
    eventual = True
    aws_reads = ("events:DescribeRule", "scheduler:GetSchedule", "lambda:GetEventSourceMapping")
    aws_writes = (
        "events:EnableRule",
        "events:DisableRule",
        "scheduler:UpdateSchedule",
        "lambda:UpdateEventSourceMapping",
    )
    # A schedule is written with its role.
    aws_permissions = ("iam:PassRole",)
    duration = "seconds; event sources up to a minute"
    tested = ("moto, amended",)
    Params = RuleParams
    Outputs = RuleOutputs
    example: ClassVar[str] = """\
aws.rule_state:
  rule: nightly-orders
  state: enabled
  region: eu-west-1
"""

    def check(self, params: RuleParams, context: ActionContext) -> Finding:
        """Compare."""
        trigger = _trigger(params, context)
        found = _look(params, trigger)
        if found.seen.state == params.state:
            return satisfied(f"{trigger.title} is {params.state}", outputs={"arn": found.arn, "state": params.state})
        change = Change(what=trigger.title, before=found.seen.detail or found.seen.state, after=params.state)
        return unsatisfied(f"{trigger.title} is {found.seen.state}", changes=(change,))

    def apply(self, params: RuleParams, context: ActionContext) -> Applied:
        """Switch and wait."""
        trigger = _trigger(params, context)
        before = _look(params, trigger)
        _switch(params, context, trigger, params.state)
        outputs: dict[str, JsonValue] = {"previous": before.seen.detail or before.seen.state}
        return Applied(summary=f"{trigger.title} is {params.state}", outputs=outputs)

    def revert(self, params: RuleParams, context: ActionContext) -> Applied:
        """Switch it the other way: this step changed it, so it stood so before."""
        trigger = _trigger(params, context)
        other = DISABLED if params.state == ENABLED else ENABLED
        _switch(params, context, trigger, other)
        return Applied(summary=f"{trigger.title} is {other} again")


def _trigger(params: RuleParams, context: ActionContext) -> Trigger:
    if params.rule is not None:
        return Rule(client(params, context, "events"), params.bus, params.rule)
    if params.schedule is not None:
        return Schedule(client(params, context, "scheduler"), params.group, params.schedule)
    return EventSource(client(params, context, "lambda"), params.event_source or "")


def _look(params: RuleParams, trigger: Trigger) -> Switch:
    """Describe it.

    Raises:
        ActionFailedError: it is gone, goes, or is not the customer's to switch.
    """
    found = trigger.look()
    refuse_terminal(trigger.title, found.seen, TERMINAL)
    if found.managed_by and found.seen.state != params.state:
        raise ActionFailedError(
            f"{trigger.title} is managed by {found.managed_by}; it is left alone", hint="switch it in that service"
        )
    return found


def _switch(params: RuleParams, context: ActionContext, trigger: Trigger, wanted: str) -> None:
    """Switch unless it stands so; what is still changing is waited for first, since Lambda takes no change then."""
    steady = frozenset({ENABLED, DISABLED})

    def look() -> Seen:
        return trigger.look().seen

    def wait(ready: frozenset[str]) -> Seen:
        return wait_until(params, context, look, what=trigger.title, ready=ready, terminal=TERMINAL)

    if wait(steady).state != wanted:
        trigger.switch(wanted, token(context, wanted))
        wait(frozenset({wanted}))
