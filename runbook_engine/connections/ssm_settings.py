"""What a connection through AWS Systems Manager needs to know, from the target's variables."""

import os
import re
from dataclasses import dataclass

from runbook_engine.sdk import JsonValue, RunbookError, Target, variable_problem

_INSTANCE = re.compile(r"m?i-[0-9a-f]{8,32}")
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SsmRoute:
    """The instance and the account's door to it; equal routes share a session.

    Attributes:
        profile: of the AWS configuration, None for the environment's own credentials.
        seconds: how long the instance's agent has to take a command.
    """

    instance: str
    region: str
    profile: str | None
    seconds: float


def ssm_route(target: Target) -> SsmRoute:
    """Read the variables, which are those of Ansible's `amazon.aws.aws_ssm`; a bucket is not needed, and not used.

    Raises:
        RunbookError: there is no instance, no region, or a value that means nothing.
    """
    variables = target.variables
    for name in ("ansible_aws_ssm_instance_id", "ansible_aws_ssm_region", "ansible_aws_ssm_profile", _TIMEOUT):
        problem = variable_problem(name, variables.get(name))
        if problem is not None:
            raise RunbookError(f"{target.name}: {problem.message}", hint=problem.hint)
    region = _text(variables.get("ansible_aws_ssm_region")) or _placed(variables.get("placement"))
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise RunbookError(f"{target.name}: its AWS region is not known", hint="set ansible_aws_ssm_region")
    seconds = _text(variables.get(_TIMEOUT))
    return SsmRoute(
        _instance(target),
        region,
        _text(variables.get("ansible_aws_ssm_profile")),
        float(seconds) if seconds else _SECONDS,
    )


_TIMEOUT = "ansible_aws_ssm_timeout"


def _instance(target: Target) -> str:
    named = _text(target.variables.get("ansible_aws_ssm_instance_id"))
    if named is not None and not _INSTANCE.fullmatch(named):
        raise RunbookError(f"{target.name}: ansible_aws_ssm_instance_id {named!r} is no instance's id", hint=_IDS)
    others = (target.variables.get("ansible_host"), target.variables.get("instance_id"), target.name)
    for found in (named, *map(_text, others)):
        if found is not None and _INSTANCE.fullmatch(found):
            return found
    raise RunbookError(
        f"{target.name}: the id of its instance is not known", hint=f"set ansible_aws_ssm_instance_id; {_IDS}"
    )


_IDS = "ids look like i-0123456789abcdef0, or mi-… for a machine outside of EC2"


def _placed(placement: JsonValue) -> str | None:
    """Give the region that an `aws_ec2` inventory tells of an instance."""
    return _text(placement.get("region")) if isinstance(placement, dict) else None


def _text(value: JsonValue) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
