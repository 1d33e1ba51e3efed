"""CloudFormation's change sets: made under the attempt's own name, read, and executed once."""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_engine.actions.aws.cfn_stacks import says_absent
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.actions.aws.marks import token
from runbook_engine.sdk import ActionContext, AwsAnswer, AwsClient, AwsError

PREFIX = "dr-"
MADE, FAILED = "CREATE_COMPLETE", "FAILED"
AVAILABLE = "AVAILABLE"
DONE = "EXECUTE_COMPLETE"
# CloudFormation's words for a change set without changes, in two of its versions.
_EMPTY = ("didn't contain changes", "No updates are to be performed")
_LOSES = frozenset({"True", "Conditional"})


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set: how it stands, and whether it was executed."""

    id: str
    status: str
    execution: str
    reason: str

    @property
    def is_empty(self) -> bool:
        """Whether it failed because there is nothing to change."""
        return self.status == FAILED and any(words in self.reason for words in _EMPTY)

    @property
    def is_done(self) -> bool:
        """Whether it was executed to a good end."""
        return self.execution == DONE

    @property
    def was_executed(self) -> bool:
        """Whether it was, or is being, executed."""
        return self.execution in {DONE, "EXECUTE_IN_PROGRESS"}


def own_name(context: ActionContext) -> str:
    """Give the name that this attempt's change set has, over crashes, too."""
    return f"{PREFIX}{token(context, 'change set')}"


def find_change_set(cloudformation: AwsClient, stack: str, name: str) -> ChangeSet | None:
    """Describe a change set."""
    try:
        item = cloudformation.call("describe_change_set", StackName=stack, ChangeSetName=name)
    except AwsError as error:
        if trouble(error) is not Trouble.NOT_FOUND and not says_absent(error):
            raise
        return None
    return ChangeSet(
        id=item.get("ChangeSetId", name),
        status=item.get("Status", ""),
        execution=item.get("ExecutionStatus") or "",
        reason=item.get("StatusReason") or "",
    )


def make_change_set(cloudformation: AwsClient, context: ActionContext, wanted: Mapping[str, object]) -> None:
    """Ask for a change set; one of the same name is the same attempt's."""
    try:
        cloudformation.call(
            "create_change_set", ChangeSetName=own_name(context), ClientToken=token(context, "change set"), **wanted
        )
    except AwsError as error:
        if trouble(error) is not Trouble.EXISTS:
            raise


def resource_changes(cloudformation: AwsClient, stack: str, name: str) -> list[AwsAnswer]:
    """List what a change set would do to the stack's resources."""
    pages = cloudformation.pages("describe_change_set", "Changes", StackName=stack, ChangeSetName=name)
    return [item["ResourceChange"] for item in pages if item.get("ResourceChange")]


def in_a_line(change: AwsAnswer) -> str:
    """Say what happens to a resource: `Modify Queue (AWS::SQS::Queue), may be replaced`."""
    replaced = {"True": ", replaced", "Conditional": ", may be replaced"}.get(str(change.get("Replacement")), "")
    return f"{change.get('Action')} {change.get('LogicalResourceId')} ({change.get('ResourceType')}){replaced}"


def loses(change: AwsAnswer) -> bool:
    """Whether the resource that is there goes, or may go."""
    return change.get("Action") == "Remove" or change.get("Replacement") in _LOSES


def execute_change_set(cloudformation: AwsClient, context: ActionContext, stack: str) -> None:
    """Execute this attempt's change set; one that is being executed is refused, and then there is only the wait."""
    name = own_name(context)
    try:
        cloudformation.call(
            "execute_change_set", StackName=stack, ChangeSetName=name, ClientRequestToken=token(context, "execute")
        )
    except AwsError:
        found = find_change_set(cloudformation, stack, name)
        if found is None or not found.was_executed:
            raise


def tidy(cloudformation: AwsClient, context: ActionContext, stack: str) -> None:
    """Delete the empty change sets that earlier steps left behind, of which CloudFormation keeps each."""
    for item in list(cloudformation.pages("list_change_sets", "Summaries", StackName=stack)):
        name = str(item.get("ChangeSetName", ""))
        if name.startswith(PREFIX) and item.get("Status") == FAILED and name != own_name(context):
            cloudformation.call("delete_change_set", StackName=stack, ChangeSetName=name)
