"""What every AWS action has in common: where it works, as whom, and how long it waits."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from runbook_engine.actions.aws.errors import explained
from runbook_engine.sdk import (
    ActionContext,
    ActionFailedError,
    AwsAnswer,
    AwsClient,
    AwsError,
    Params,
    PositiveDuration,
)

ACCOUNT_VARIABLE = "aws_account"
REGION = r"^[a-z]{2}(-[a-z]+)+-\d$"
ROLE = r"^arn:[a-z-]+:iam::(\d{12}):role/.+$"
_ACCOUNT = re.compile(r"\d{12}")


class AwsParams(Params):
    """Region, account and role."""

    region: str = Field(pattern=REGION, description="AWS region that the calls go to", examples=["eu-west-1"])
    account: str | None = Field(
        None,
        pattern=r"^\d{12}$",
        description="account it must be; default: the role's, or else the inventory variable `aws_account`",
        examples=["123456789012"],
    )
    role: str | None = Field(
        None,
        pattern=ROLE,
        description="role to assume first",
        examples=["arn:aws:iam::123456789012:role/disaster-recovery"],
    )

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        found = re.match(ROLE, self.role) if self.role is not None and self.account is not None else None
        if found is not None and found[1] != self.account:
            raise ValueError("role is of another account than account says")
        return self


class PolledParams(AwsParams):
    """For what takes a while."""

    poll: PositiveDuration = Field(timedelta(seconds=15), description="time between two looks", examples=["15s"])
    timeout: PositiveDuration | None = Field(
        None,
        description="greatest time to wait for AWS, within the step's own timeout (which is 30m unless the step says)",
        examples=["2h"],
    )


class ExplainingClient:
    """An AWS client whose errors say what to do, by their kind."""

    def __init__(self, inner: AwsClient) -> None:
        self._inner = inner

    def call(self, operation: str, **parameters: object) -> AwsAnswer:
        """Call an operation by its Python name; parameters that are None are left out.

        Raises:
            AwsError: AWS refused; with a hint.
        """
        try:
            return self._inner.call(operation, **{key: value for key, value in parameters.items() if value is not None})
        except AwsError as error:
            raise explained(error) from error

    def pages(self, operation: str, key: str, **parameters: object) -> Iterator[AwsAnswer]:
        """Give every item under `key` of every page of a listing; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            yield from self._inner.pages(operation, key, **given)
        except AwsError as error:
            raise explained(error) from error


def client(
    params: AwsParams,
    context: ActionContext,
    service: str,
    *,
    region: str | None = None,
    endpoint: str | None = None,
) -> ExplainingClient:
    """Give the service's client for these parameters.

    Where an account is declared, STS is asked whose the credentials are before the client is given (once a run): the
    guard of `aws.identity` is implied.

    Raises:
        AwsError: the credentials are another account's.
    """
    account = declared_account(params, context)
    where = region or params.region
    return ExplainingClient(context.aws(service, region=where, account=account, role=params.role, endpoint=endpoint))


def declared_account(params: AwsParams, context: ActionContext) -> str | None:
    """Give the account that it must be: the parameter's, the role's, or the inventory's; None when nothing says.

    Raises:
        ActionFailedError: the inventory's is no account number.
    """
    if params.account is not None:
        return params.account
    found = re.match(ROLE, params.role) if params.role is not None else None
    if found is not None:
        return found[1]
    value = context.target.variables.get(ACCOUNT_VARIABLE)
    if value is None:
        return None
    # A number that is not quoted loses its leading zeros in YAML.
    text = f"{value:012d}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    if _ACCOUNT.fullmatch(text) is None:
        raise ActionFailedError(
            f"the inventory variable {ACCOUNT_VARIABLE} is no AWS account: {text!r}",
            hint="give its 12 digits, in quotes",
        )
    return text
