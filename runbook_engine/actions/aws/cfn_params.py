"""What aws.cfn_deploy is told and what it gives."""

from typing import Literal, Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.common import ROLE, PolledParams
from runbook_engine.actions.aws.marks import refuse_reserved
from runbook_engine.sdk import ActionContext, ActionFailedError, Outputs

LARGEST = 51_200  # bytes that CloudFormation takes in a call


class CfnParams(PolledParams):
    """Which stack, of what."""

    stack: str = Field(
        pattern=r"^[a-zA-Z][-a-zA-Z0-9]*$", max_length=128, description="name of the stack", examples=["app-standby"]
    )
    template: str = Field(
        min_length=1,
        description="template file of the project, YAML or JSON, 51,200 bytes at most",
        examples=["templates/app.yml"],
    )
    parameters: dict[str, str] = Field(
        {},
        description="the template's parameters; others keep what they are, or in a new stack have their defaults",
        examples=[{"Size": "4"}],
    )
    tags: dict[str, str] = Field({}, description="tags of the stack and its resources", examples=[{"service": "app"}])
    capabilities: list[Literal["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]] = Field(
        [], description="what of IAM and macros you acknowledge", examples=[["CAPABILITY_IAM"]]
    )
    service_role: str | None = Field(
        None,
        pattern=ROLE,
        description="role that CloudFormation works with; default: the caller's own permissions",
        examples=["arn:aws:iam::123456789012:role/cloudformation"],
    )
    replacement: bool = Field(
        default=False,
        description="whether resources that are there may be removed or replaced; otherwise such a change set fails "
        "the step before anything is done",
    )

    @model_validator(mode="after")
    def _own_tags(self) -> Self:
        refuse_reserved(self.tags)
        return self


class CfnOutputs(Outputs):
    """The stack."""

    stack: str = Field("", description="ARN of the stack")
    status: str = Field("", description="its state")
    stack_outputs: dict[str, str] = Field({}, description="the stack's own outputs by name")
    created: bool = Field(default=False, description="whether this step created it, so that `revert` deletes it")
    resource_changes: list[str] = Field([], description="what the change set did, a line for each resource")


def read_template(path: str, context: ActionContext) -> str:
    """Read a template of the project.

    Raises:
        ActionFailedError: it is too large, or no text.
    """
    data = context.project_file(path)
    if len(data) > LARGEST:
        raise ActionFailedError(
            f"{path} has {len(data)} bytes, and CloudFormation takes {LARGEST} in a call",
            hint="split it into several stacks, or deploy a packaged template by command.run",
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ActionFailedError(f"{path} is not UTF-8: {error}") from None
