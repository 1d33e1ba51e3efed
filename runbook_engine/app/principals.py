"""Whose permissions the AWS credentials have: the user or role that IAM knows, by what STS says of the caller."""

import re
from dataclasses import dataclass

from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.errors import RunbookError
from runbook_engine.ports.services import AwsError, ServiceUnreachableError

_ASSUMED = re.compile(r"^arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+$")
_USER = re.compile(r"^arn:[a-z-]+:iam::\d{12}:user/.+$")
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException"})


def in_short(error: RunbookError) -> str:
    """Give an error's first line: what is no AWS answer may be a whole page."""
    return error.message.partition("\n")[0][:400]


def hint_of(error: RunbookError, otherwise: str = "") -> str:
    """Give what to do about an error; that a lost answer may have done something does not matter for questions."""
    return "" if isinstance(error, ServiceUnreachableError) else error.hint or otherwise


class NoPrincipalError(RunbookError):
    """IAM can't be asked about these credentials; the message says why."""


class NotAssumedError(RunbookError):
    """The role may not be assumed with the credentials there are."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or role of IAM.

    Attributes:
        arn: by which IAM knows it.
        account: its account's number.
        caveat: why the ARN may not be right; empty when it is known.
    """

    arn: str
    account: str
    caveat: str = ""


def find_principal(session: AwsSession, region: str, role: str | None) -> Principal:
    """Ask STS who the caller is, and give the user or role of IAM behind that.

    Args:
        role: ARN of the role to assume first; None for the credentials as they are.

    Raises:
        NotAssumedError: the role may not be assumed.
        NoPrincipalError: the caller is the account's root user or a federated one.
        AwsError: there are no credentials, or they are refused.
        ServiceUnreachableError: STS does not answer.
    """
    try:
        caller = session.client("sts", region=region, role=role, read_only=True).call("get_caller_identity")
    except AwsError as error:
        if role is not None and error.code in _REFUSED:
            raise NotAssumedError(f"{role} may not be assumed: {error.message}") from error
        raise
    arn, account = str(caller["Arn"]), str(caller["Account"])
    if role is not None:
        return Principal(role, account)
    if _USER.match(arn):
        return Principal(arn, account)
    if assumed := _ASSUMED.match(arn):
        return _behind(session, region, assumed)
    if arn.endswith(":root"):
        raise NoPrincipalError(
            f"the credentials are those of the root user of account {account}, whose rights IAM does not simulate",
            hint="use a role for recoveries: the root user may do what no runbook should",
        )
    raise NoPrincipalError(
        f"the credentials are those of {arn}, and IAM simulates users and roles only",
        hint="assume a role, as the recovery would",
    )


def _behind(session: AwsSession, region: str, assumed: re.Match[str]) -> Principal:
    """Give the role behind an assumed one: its path is not in the caller's ARN, so IAM is asked for it."""
    partition, account, name = assumed.groups()
    try:
        found = session.client("iam", region=region, read_only=True).call("get_role", RoleName=name)
    except AwsError as error:
        guessed = f"arn:{partition}:iam::{account}:role/{name}"
        return Principal(guessed, account, f"whether role {name} has a path is not known: {error.message}")
    return Principal(str(found["Role"]["Arn"]), account)
