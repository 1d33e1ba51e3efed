"""A change set on its way: what it is asked for, what it would do, and the end of executing it."""

from collections.abc import Collection

from runbook_engine.actions.aws.cfn_change_sets import (
    AVAILABLE,
    FAILED,
    MADE,
    ChangeSet,
    find_change_set,
    in_a_line,
    loses,
    own_name,
    resource_changes,
)
from runbook_engine.actions.aws.cfn_params import CfnParams
from runbook_engine.actions.aws.cfn_stacks import DEAD, DONE, ROLLED_BACK, Stack, find_stack, why_failed
from runbook_engine.actions.aws.marks import marks, tag_list
from runbook_engine.actions.aws.waiting import Seen, wait_until
from runbook_engine.sdk import ActionContext, ActionFailedError, AwsClient

HINT = "look at the stack's events; mend or delete it in CloudFormation, then run the step again"


def stack_seen(cloudformation: AwsClient, stack: Stack) -> Seen:
    """Say how far a stack is; of one that failed, why."""
    return Seen(stack.state, detail=why_failed(cloudformation, stack) if stack.state in DEAD | ROLLED_BACK else "")


def wanted(
    params: CfnParams, context: ActionContext, before: Stack | None, template: str, known: Collection[str]
) -> dict[str, object]:
    """Give the request of the change set.

    The tags of a stack go to all its resources: those of the run are given to a new stack only, or else each run
    would change each resource.
    """
    given: list[dict[str, object]] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in params.parameters.items()
    ]
    if before is not None:
        kept = sorted((before.parameters.keys() & set(known)) - params.parameters.keys())
        given += [{"ParameterKey": key, "UsePreviousValue": True} for key in kept]
    tags = marks(context) if before is None else dict(before.tags)
    return {
        "StackName": params.stack,
        "ChangeSetType": "CREATE" if before is None else "UPDATE",
        "TemplateBody": template,
        "Parameters": given,
        "Tags": tag_list(tags | params.tags),
        "Capabilities": list(params.capabilities),
        "RoleARN": params.service_role,
        "Description": f"run {context.run.id}, step {context.run.step}"[:1024],
    }


def made(params: CfnParams, context: ActionContext, cloudformation: AwsClient) -> ChangeSet:
    """Wait for the change set.

    Raises:
        ActionFailedError: CloudFormation could not make it, or it can no longer be executed.
    """
    name = own_name(context)

    def look() -> Seen | None:
        found = find_change_set(cloudformation, params.stack, name)
        return None if found is None else Seen(found.status, detail=found.reason)

    wait_until(params, context, look, what=f"change set {name}", ready={MADE, FAILED})
    found = find_change_set(cloudformation, params.stack, name)
    if found is None or (found.status == FAILED and not found.is_empty):
        reason = found.reason if found is not None else "it is gone"
        raise ActionFailedError(f"CloudFormation made no change set for stack {params.stack}: {reason}")
    if not found.is_empty and not found.was_executed and found.execution != AVAILABLE:
        raise ActionFailedError(
            f"the change set for stack {params.stack} can't be executed: it is {found.execution}",
            hint="the stack was changed meanwhile, or executing it failed; run the step again for a new one",
        )
    return found


def put_out(params: CfnParams, context: ActionContext, cloudformation: AwsClient) -> list[str]:
    """Put out what the change set would do.

    Raises:
        ActionFailedError: it would remove or replace what may not be.
    """
    changes = resource_changes(cloudformation, params.stack, own_name(context))
    lines = [in_a_line(change) for change in changes]
    context.output("stdout", "".join(f"{line}\n" for line in lines).encode())
    lost = [in_a_line(change) for change in changes if loses(change)]
    if lost and not params.replacement:
        raise ActionFailedError(
            f"the change set for stack {params.stack} would remove or replace: {'; '.join(lost)}",
            hint="nothing was changed; say `replacement: true` if that is meant",
        )
    return lines


def await_end(
    params: CfnParams, context: ActionContext, cloudformation: AwsClient, before: Stack | None, own: ChangeSet
) -> None:
    """Wait until the stack is complete; an end counts once CloudFormation shows that it began."""
    failures, begun = DEAD | ROLLED_BACK, before is None or own.was_executed

    def look() -> Seen | None:
        nonlocal begun
        found = find_stack(cloudformation, params.stack)
        if found is None:
            return None
        moved = before is not None and found.version != before.version
        begun = begun or moved or not found.settled or found.change_set == own.id
        if not begun:
            return Seen("not begun")
        return stack_seen(cloudformation, found)

    wait_until(params, context, look, what=f"stack {params.stack}", ready=DONE, terminal=failures, hint=HINT)
