"""CloudFormation's stacks as values: how they stand, and how they differ from what is wanted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_engine.actions.aws.marks import tags_of
from runbook_engine.sdk import AwsClient, AwsError, Change, JsonValue, digest

REVIEW = "REVIEW_IN_PROGRESS"  # has a change set and nothing else
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
ROLLED_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})
# Each but DELETE_FAILED has to be mended or deleted by a person before CloudFormation takes another change.
DEAD = frozenset(
    {
        "CREATE_FAILED",
        "DELETE_FAILED",
        "IMPORT_ROLLBACK_FAILED",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_FAILED",
    }
)
REASONS = 3


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it.

    Attributes:
        version: changes with each operation that began on it.
        change_set: ARN of the change set that was executed last; empty when not told.
    """

    id: str
    state: str
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    change_set: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is more of it than a change set."""
        return self.state != REVIEW

    @property
    def settled(self) -> bool:
        """Whether nothing is at it, and a change set may be executed."""
        return self.state in DONE | ROLLED_BACK


def find_stack(cloudformation: AwsClient, name: str) -> Stack | None:
    """Describe a stack by its name or ARN; a deleted one is shown by its ARN only."""
    try:
        item = cloudformation.call("describe_stacks", StackName=name)["Stacks"][0]
    except AwsError as error:
        if not says_absent(error):
            raise
        return None
    return Stack(
        id=item.get("StackId", name),
        state=item["StackStatus"],
        reason=item.get("StackStatusReason") or "",
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in item.get("Parameters") or ()},
        tags=tags_of(item.get("Tags")),
        outputs={one["OutputKey"]: one.get("OutputValue", "") for one in item.get("Outputs") or ()},
        version=str(item.get("LastUpdatedTime") or item.get("CreationTime") or ""),
        change_set=item.get("ChangeSetId") or "",
    )


def says_absent(error: AwsError) -> bool:
    """Whether CloudFormation says that there is no such stack; it has no code of its own for that."""
    return error.code == "ValidationError" and "does not exist" in error.message


def differences(
    cloudformation: AwsClient,
    name: str,
    stack: Stack,
    template: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> tuple[Change, ...]:
    """Say what is not as wanted; parameters and tags that are not wanted otherwise stay as they are.

    A value that CloudFormation masks can't be compared and counts as different.
    """
    changes = []
    found = cloudformation.call("get_template", StackName=name, TemplateStage="Original")["TemplateBody"]
    if _normal(found) != _normal(template):
        changes.append(Change(what=f"template of {name}", before=_mark(found), after=_mark(template)))
    for key, value in parameters.items():
        there = stack.parameters.get(key)
        if there != value:
            changes.append(Change(what=f"parameter {key} of {name}", before=there, after=value))
    for key, value in tags.items():
        if stack.tags.get(key) != value:
            changes.append(Change(what=f"tag {key} of {name}", before=stack.tags.get(key), after=value))
    return tuple(changes)


def parameters_of(cloudformation: AwsClient, template: str) -> frozenset[str]:
    """Name the parameters of a template, as CloudFormation reads it.

    Raises:
        AwsError: CloudFormation can't read it.
    """
    answer = cloudformation.call("get_template_summary", TemplateBody=template)
    return frozenset(item["ParameterKey"] for item in answer.get("Parameters") or ())


def why_failed(cloudformation: AwsClient, stack: Stack) -> str:
    """Say why the last operation failed: what CloudFormation said of the resources that failed first."""
    items = cloudformation.call("describe_stack_events", StackName=stack.id).get("StackEvents") or ()
    reasons: list[str] = []
    for item in items:  # the newest first
        words = item.get("ResourceStatusReason") or ""
        own = item.get("PhysicalResourceId") == stack.id
        if own and words == "User Initiated":
            break
        if not own and str(item.get("ResourceStatus", "")).endswith("_FAILED") and "cancelled" not in words:
            reasons.append(f"{item.get('LogicalResourceId')}: {words}")
    return "; ".join(reversed(reasons[-REASONS:])) or stack.reason


def _normal(template: object) -> object:
    """Give a template in the form in which two can be compared: JSON by its meaning, others by their text.

    CloudFormation gives back `?` for what is not ASCII.
    """
    if not isinstance(template, str):
        return json.loads(json.dumps(template).encode("ascii", "replace"))
    text = template.encode("ascii", "replace").decode()
    try:
        return json.loads(text)
    except ValueError:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _mark(template: object) -> JsonValue:
    return f"sha256 {digest(str(_normal(template)))[:12]}"
