"""aws.identity: the credentials belong to the declared account."""

from typing import ClassVar

from pydantic import Field

from runbook_engine.sdk import Action, ActionContext, Finding, Outputs, Params, satisfied, unsatisfied


class IdentityParams(Params):
    """Which account it must be."""

    account: str = Field(pattern=r"^\d{12}$", description="account it must be", examples=["123456789012"])
    region: str = Field(
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="region whose endpoint is asked: the standby one, as the primary may be down",
        examples=["eu-west-1"],
    )
    role: str | None = Field(
        None,
        pattern=r"^arn:[a-z-]+:iam::\d{12}:role/.+$",
        description="role to assume first",
        examples=["arn:aws:iam::123456789012:role/disaster-recovery"],
    )


class IdentityOutputs(Outputs):
    """Who AWS says we are."""

    account: str = Field("", description="the account's number")
    arn: str = Field("", description="the user or assumed role")


class AwsIdentity(Action[IdentityParams]):
    """Verify that the AWS credentials belong to the declared account, before anything is touched.

    check: asks STS who we are and compares the account.
    """

    name = "aws.identity"
    duration = "seconds"
    tested = ("moto",)
    aws_reads = ("sts:GetCallerIdentity",)
    Params = IdentityParams
    Outputs = IdentityOutputs
    example: ClassVar[str] = """\
aws.identity:
  account: "123456789012"
  region: eu-west-1
"""

    def check(self, params: IdentityParams, context: ActionContext) -> Finding:
        """Ask STS."""
        # The client is not told the account: it would refuse a wrong one before the comparison below can name both.
        answer = context.aws("sts", region=params.region, role=params.role).call("get_caller_identity")
        account, arn = str(answer["Account"]), str(answer["Arn"])
        facts = {"account": account, "arn": arn}
        if account != params.account:
            return unsatisfied(
                f"the AWS credentials belong to account {account} ({arn}), not to {params.account}; "
                "choose other credentials (AWS_PROFILE) or the role to assume",
                evidence=facts,
            )
        return satisfied(f"AWS account {account} as {arn}", outputs=facts, evidence=facts)
