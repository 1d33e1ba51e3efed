"""Says which cloud a run talks to: an inventory can name the AWS profile and the configuration it stands in."""

from pathlib import Path

from runbook_engine.connections.aws import AwsSession
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import LOCALHOST, Inventory

_PROFILE, _FILE = "aws_profile", "aws_config_file"


def aws_session(inventory: Inventory, root: Path, *, patience: float | None = None) -> AwsSession:
    """Give the AWS session of an inventory: its variables `aws_profile` and `aws_config_file`, else the environment's.

    Args:
        root: the project's folder, from which a relative `aws_config_file` is meant.
        patience: seconds for a request that is sent once; None for what a run gives it.

    Raises:
        InvalidInputError: a variable is not a text.
    """
    variables = inventory.target(LOCALHOST).variables
    found: dict[str, str | None] = {}
    for name in (_PROFILE, _FILE):
        value = variables.get(name)
        if value is not None and (not isinstance(value, str) or not value or "{{" in value):
            raise InvalidInputError(
                f"{inventory.name}: {name} is {value!r}, which is no plain text",
                hint="leave it out for what the environment says",
            )
        found[name] = value
    file = found[_FILE]
    config = None if file is None else root / file
    if patience is None:
        return AwsSession(profile=found[_PROFILE], config_file=config)
    return AwsSession(
        connect_seconds=patience, read_seconds=patience, attempts=1, profile=found[_PROFILE], config_file=config
    )
