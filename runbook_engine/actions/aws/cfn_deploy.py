"""aws.cfn_deploy: a CloudFormation stack has a template of the project, always by way of a change set."""

from collections.abc import Mapping
from typing import ClassVar

from runbook_engine.actions.aws.cfn_change_sets import (
    AVAILABLE,
    execute_change_set,
    find_change_set,
    make_change_set,
    own_name,
    tidy,
)
from runbook_engine.actions.aws.cfn_params import CfnOutputs, CfnParams, read_template
from runbook_engine.actions.aws.cfn_rollout import HINT, await_end, made, put_out, stack_seen, wanted
from runbook_engine.actions.aws.cfn_stacks import (
    DEAD,
    DONE,
    ROLLED_BACK,
    Stack,
    differences,
    find_stack,
    parameters_of,
)
from runbook_engine.actions.aws.common import client
from runbook_engine.actions.aws.marks import marks, refuse_foreign, token
from runbook_engine.actions.aws.waiting import Seen, refuse_terminal, wait_until
from runbook_engine.sdk import (
    Action,
    ActionContext,
    ActionFailedError,
    Addition,
    Applied,
    AwsClient,
    Change,
    Finding,
    JsonValue,
    additions,
    satisfied,
    unsatisfied,
)


class CfnDeploy(Action[CfnParams]):
    """Create or update a CloudFormation stack by a change set.

    check: the stack is complete and has this template, these parameters and tags. It makes no change set, so that it
    compares what was asked for: what lies behind a macro, behind a parameter of Systems Manager, or drifted, is not
    seen. Whether a difference (in a comment, say) changes any resource, only a change set tells. A parameter that the
    template masks (`NoEcho`) can't be compared, so that with one a change set is made each time. A state that does not
    end by itself, such as UPDATE_ROLLBACK_FAILED, fails the step, in a dry run too.
    apply: makes a change set, puts its diff out, and executes it; an empty one leaves the step unchanged. A change set
    that would remove or replace resources is not executed unless `replacement` says so. A stack that is being worked
    on is waited for first. One that is rolled back fails the step with the reasons of the resources that failed first.
    revert: deletes the stack if this step created it. An update is not taken back: deploy the earlier template.
    """

    name = "aws.cfn_deploy"
    project_files = ("template",)
    eventual = True
    aws_reads = (
        "cloudformation:DescribeStacks",
        "cloudformation:GetTemplate",
        "cloudformation:GetTemplateSummary",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStackEvents",
        "cloudformation:ListChangeSets",
    )
    aws_writes = (
        "cloudformation:CreateChangeSet",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DeleteStack",
    )
    aws_permissions = ("cloudformation:TagResource", "iam:PassRole")
    aws_resources: ClassVar[Mapping[str, tuple[str, ...]]] = {"iam": ("{service_role}",)}
    aws_adds = ("cloudformation:Stack",)
    duration = "minutes to hours, by the resources"
    tested = ("ministack", "model")
    Params = CfnParams
    Outputs = CfnOutputs
    example: ClassVar[str] = """\
aws.cfn_deploy:
  stack: app-standby
  template: templates/app.yml
  parameters: {Size: "4"}
  capabilities: [CAPABILITY_IAM]
  region: eu-west-1
"""

    def check(self, params: CfnParams, context: ActionContext) -> Finding:
        """Compare the stack with what is wanted, or look how far this attempt's change set is."""
        cloudformation = client(params, context, "cloudformation")
        template = read_template(params.template, context)
        stack = find_stack(cloudformation, params.stack)
        what = f"stack {params.stack}"
        if stack is None or not stack.exists:
            _known_parameters(params, cloudformation, template)
            change = Change(what=what, before=None, after=f"of {params.template}")
            return unsatisfied(
                f"there is no {what} in {params.region}",
                changes=(change,),
                evidence=additions(Addition(kind="cloudformation:Stack", region=params.region, role=params.role)),
            )
        _refuse_dead(params, cloudformation, stack)
        if not stack.settled:
            change = Change(what=f"{what} state", before=stack.state, after="complete")
            return unsatisfied(f"{what} is {stack.state}", changes=(change,))
        outputs = _outputs(stack, context)
        found = _differences(params, cloudformation, stack, template)
        if not found:
            return satisfied(f"{what} is {stack.state} and has this template and these parameters", outputs=outputs)
        own = find_change_set(cloudformation, params.stack, own_name(context))
        if own is not None and own.is_empty:
            return satisfied(f"{what} is {stack.state}, and the change set says: nothing to change", outputs=outputs)
        if own is not None and own.is_done and stack.change_set in {"", own.id}:
            return satisfied(f"{what} is {stack.state}, and the change set was executed", outputs=outputs)
        _known_parameters(params, cloudformation, template)
        return unsatisfied(f"{what} differs in {len(found)}; a change set will tell what that changes", changes=found)

    def apply(self, params: CfnParams, context: ActionContext) -> Applied:
        """Make a change set, or go on with this attempt's own; execute it and wait."""
        cloudformation = client(params, context, "cloudformation")
        template = read_template(params.template, context)
        stack = _at_rest(params, context, cloudformation)
        name = own_name(context)
        own = find_change_set(cloudformation, params.stack, name) if stack is not None else None
        before = stack if stack is not None and stack.exists else None
        if own is None:
            if before is not None and not _differences(params, cloudformation, before, template):
                return Applied(summary=f"stack {params.stack} was deployed meanwhile", changed=False)
            if stack is not None:
                tidy(cloudformation, context, params.stack)
            known = parameters_of(cloudformation, template)
            make_change_set(cloudformation, context, wanted(params, context, before, template, known))
        own = made(params, context, cloudformation)
        if own.is_empty:
            words = f"the change set for stack {params.stack} is empty: there is nothing to change"
            return Applied(summary=words, changed=False)
        lines = put_out(params, context, cloudformation)
        if own.execution == AVAILABLE:
            execute_change_set(cloudformation, context, params.stack)
        await_end(params, context, cloudformation, before, own)
        done = "updated" if before is not None else "created"
        words = f"{done} stack {params.stack}, {len(lines)} resources changed"
        return Applied(summary=words, outputs={"resource_changes": lines})

    def revert(self, params: CfnParams, context: ActionContext) -> Applied:
        """Delete the stack, if this step created it."""
        cloudformation = client(params, context, "cloudformation")
        stack = find_stack(cloudformation, params.stack)
        if stack is None:
            return Applied(summary=f"there is no stack {params.stack}", changed=False)
        if not context.recorded.get("created"):
            raise ActionFailedError(
                f"stack {params.stack} was there before this step, and an update is not taken back by itself",
                hint="deploy the earlier template and parameters, or give the step a `revert` that does",
            )
        refuse_foreign(f"stack {params.stack} in {params.region}", stack.tags)
        cloudformation.call(
            "delete_stack",
            StackName=stack.id,
            RoleARN=params.service_role,
            ClientRequestToken=token(context, "delete"),
        )

        def look() -> Seen:
            found = find_stack(cloudformation, stack.id)
            return Seen("DELETE_COMPLETE") if found is None else Seen(found.state, detail=found.reason)

        gone, failed = {"DELETE_COMPLETE"}, {"DELETE_FAILED"}
        wait_until(params, context, look, what=f"stack {params.stack}", ready=gone, terminal=failed, hint=HINT)
        return Applied(summary=f"deleted stack {params.stack}")


def _outputs(stack: Stack, context: ActionContext) -> dict[str, JsonValue]:
    """Give the outputs; the tags of a run and step are given to a new stack only, so that they say who created it."""
    created = marks(context).items() <= stack.tags.items()
    return {"stack": stack.id, "status": stack.state, "stack_outputs": dict(stack.outputs), "created": created}


def _differences(params: CfnParams, cloudformation: AwsClient, stack: Stack, template: str) -> tuple[Change, ...]:
    return differences(cloudformation, params.stack, stack, template, params.parameters, params.tags)


def _known_parameters(params: CfnParams, cloudformation: AwsClient, template: str) -> None:
    """Have CloudFormation read the template, and compare the parameters' names.

    Raises:
        ActionFailedError: the template has no such parameter.
    """
    there = parameters_of(cloudformation, template)
    unknown = sorted(params.parameters.keys() - there)
    if unknown:
        raise ActionFailedError(
            f"{params.template} has no parameter {', '.join(unknown)}",
            hint=f"it has: {', '.join(sorted(there)) or 'none'}",
        )


def _refuse_dead(params: CfnParams, cloudformation: AwsClient, stack: Stack) -> None:
    if stack.state in DEAD:
        refuse_terminal(f"stack {params.stack}", stack_seen(cloudformation, stack), DEAD, hint=HINT)


def _at_rest(params: CfnParams, context: ActionContext, cloudformation: AwsClient) -> Stack | None:
    """Give the stack once nobody is at it, be it an earlier attempt or somebody else."""
    stack = find_stack(cloudformation, params.stack)
    if stack is None or not stack.exists:
        return stack
    _refuse_dead(params, cloudformation, stack)
    if stack.settled:
        return stack
    name = stack.id

    def look() -> Seen | None:
        found = find_stack(cloudformation, name)
        return None if found is None else stack_seen(cloudformation, found)

    ready = DONE | ROLLED_BACK | {"DELETE_COMPLETE"}
    wait_until(params, context, look, what=f"stack {params.stack}", ready=ready, terminal=DEAD, hint=HINT)
    return find_stack(cloudformation, params.stack)
