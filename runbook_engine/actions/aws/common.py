"""What every AWS action has in common: where it works, as whom, and how it waits."""

from datetime import timedelta

from pydantic import Field

from runbook_engine.sdk import ActionContext, AwsClient, Params, PositiveDuration


class AwsParams(Params):
    """Region, account and role."""

    region: str = Field(
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="AWS region that the calls go to", examples=["eu-west-1"]
    )
    account: str | None = Field(None, pattern=r"^\d{12}$", description="account it must be", examples=["123456789012"])
    role: str | None = Field(
        None,
        pattern=r"^arn:[a-z-]+:iam::\d{12}:role/.+$",
        description="role to assume first",
        examples=["arn:aws:iam::123456789012:role/disaster-recovery"],
    )


class PolledParams(AwsParams):
    """For what takes a while."""

    poll: PositiveDuration = Field(timedelta(seconds=15), description="time between two looks", examples=["15s"])


def client(params: AwsParams, context: ActionContext, service: str, *, region: str | None = None) -> AwsClient:
    """Give the service's client for these parameters."""
    return context.aws(service, region=region or params.region, account=params.account, role=params.role)
