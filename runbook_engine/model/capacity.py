"""What a change would add to an AWS account, as a check can tell: `runbook readiness` holds it against the quotas."""

from collections.abc import Iterator, Mapping

from pydantic import ConfigDict, TypeAdapter

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject, JsonValue

_KEY = "aws_adds"


class Addition(Frozen):
    """So many things of a kind, in a region.

    Attributes:
        kind: `rds:DBInstance`, `rds:ManualSnapshot`, `ec2:Instance`, `ec2:Image`, `ec2:Snapshot`, `dynamodb:Table`,
            `cloudformation:Stack`.
        role: ARN of the role that makes them; None for the credentials as they are.
        of: of instances, what says their type: `instance_type`, or `launch_template` (and `version`), or
            `auto_scaling_group`.
    """

    kind: str
    region: str
    count: int = 1
    role: str | None = None
    of: dict[str, str] = {}


_MANY = TypeAdapter(tuple[Addition, ...], config=ConfigDict(defer_build=True))


def additions(*found: Addition) -> JsonObject:
    """Give a finding's evidence that tells what `apply` would add."""
    return {_KEY: [one.model_dump(mode="json") for one in found]}


def read_additions(evidence: Mapping[str, JsonValue]) -> Iterator[Addition]:
    """Give what a finding's evidence says would be added.

    Raises:
        ValueError: the evidence is of another form (of a plugin that means something else by it).
    """
    told = evidence.get(_KEY, ())
    yield from _MANY.validate_python(told)
