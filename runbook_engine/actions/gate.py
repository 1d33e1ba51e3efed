"""gate.approval: the run waits until people with the right roles say yes."""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import ActionContext, Finding, Gate, Outputs, Params, PositiveDuration, unknown


class ApprovalParams(Params):
    """Who decides, and on what."""

    roles: list[str] = Field(
        min_length=1, description="roles of team.yml; a person with any of them may decide", examples=[["director"]]
    )
    quorum: int = Field(1, ge=1, description="different people who must approve")
    expires: PositiveDuration = Field(
        timedelta(hours=24), description="how long to wait for them; after that the gate fails", examples=["30m"]
    )
    message: str = Field("", description="what they are asked", examples=["Fail over to eu-west-1?"])


class ApprovalOutputs(Outputs):
    """Who approved."""

    approvers: list[str] = Field([], description="their names, in the order of approving")


class Approval(Gate[ApprovalParams]):
    """Wait until people with the right roles approve.

    The engine asks and counts; one person counts once, and the first decline ends the gate.
    check: nobody can tell beforehand what a person will say.
    """

    name = "gate.approval"
    reversible = False
    Params = ApprovalParams
    Outputs = ApprovalOutputs
    example: ClassVar[str] = """\
gate.approval:
  roles: [director]
  quorum: 1
  expires: 30m
  message: Fail over to eu-west-1?
"""

    def check(self, params: ApprovalParams, context: ActionContext) -> Finding:
        """Say who would be asked."""
        del context
        return unknown(f"{params.quorum} of {', '.join(params.roles)} would be asked: {params.message}")
