"""What travels with a run's orders, so that a worker makes them as this machine would; secrets stay behind."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from runbook_engine import version
from runbook_engine.app.project import OpenProject
from runbook_engine.app.used_files import used_files
from runbook_engine.model.base import Frozen
from runbook_engine.model.inventory import LOCALHOST, Inventory, Target
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.plan import Plan

# Begins the keys that sealing puts in; a key of the inventory that begins with it travels with one more in front.
_MARK = "\ue000"
_SEALED = f"{_MARK}vault"
_OWN = f"{_MARK}own"
_PASSWORDS = frozenset(
    {
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_ssh_password",
        "ansible_become_password",
        "ansible_become_pass",
    }
)


class RunForWorkers(Frozen):
    """What a worker needs to know of a run.

    Attributes:
        engine: version of the engine that makes the orders.
        sources: the inventory's, relative to the project.
        inventory_files: SHA-256 of each of its files, by path.
        sealed: number of its texts that are encrypted; a worker that is given one opens the inventory itself.
        files: SHA-256 of each file that steps read, by path.
        references: names of secrets that steps and audiences use.
        aws: what the inventory says of AWS's configuration.
    """

    engine: str
    sources: tuple[str, ...]
    inventory_files: dict[str, str]
    sealed: int
    files: dict[str, str]
    references: tuple[str, ...]
    aws: dict[str, str]


def run_for_workers(
    project: OpenProject, plan: Plan, sources: tuple[str, ...], references: Mapping[str, str]
) -> RunForWorkers:
    """Gather what travels."""
    variables = plan.inventory.target(LOCALHOST).variables
    return RunForWorkers(
        engine=version(),
        sources=sources,
        inventory_files=dict(plan.inventory.files),
        sealed=len(plan.inventory.secrets),
        files=used_files(project, plan),
        references=tuple(references),
        aws={name: str(variables[name]) for name in ("aws_profile", "aws_config_file") if variables.get(name)},
    )


def seal(target: Target, inventory: Inventory) -> Target:
    """Give a target whose decrypted values are named by their position, and whose passwords are left out."""
    plain = _PASSWORDS & target.variables.keys()
    if not inventory.secrets and not plain and not is_sealed(target):
        return target
    positions = {text: index for index, text in enumerate(inventory.secrets)}
    variables = cast("dict[str, JsonValue]", _seal(target.variables, positions))
    # What stands in the inventory in clear is the worker's own to read, too; the database is not to hold it.
    variables |= {name: {_OWN: True} for name in plain if not isinstance(variables[name], Mapping)}
    return target.model_copy(update={"variables": cast("JsonObject", variables)})


def is_sealed(target: Target) -> bool:
    """Tell whether a target has such values, or keys that look like theirs, so that it is to be unsealed."""
    return _is_marked(target.variables)


def unseal(target: Target, texts: list[str], here: JsonObject) -> Target:
    """Give a target with what was decrypted in its place, and its passwords.

    Args:
        here: the target's variables in this machine's inventory.
    """
    own = {name for name, value in target.variables.items() if isinstance(value, Mapping) and _OWN in value}
    variables = cast("dict[str, JsonValue]", _unseal(target.variables, texts))
    variables |= {name: here.get(name) for name in own}
    return target.model_copy(update={"variables": cast("JsonObject", variables)})


def relative_origin(origin: str, root: Path) -> str:
    """Name where an action comes from as it is named on every machine: a plugin's path from the project's folder."""
    path = Path(origin)
    return str(path.relative_to(root)) if path.is_absolute() and path.is_relative_to(root) else origin


def file_hash(data: bytes) -> str:
    """Give what `RunForWorkers.files` says of a file."""
    return hashlib.sha256(data).hexdigest()


def _is_marked(value: JsonValue) -> bool:
    if isinstance(value, Mapping):
        return any(key.startswith(_MARK) or _is_marked(one) for key, one in value.items())
    return isinstance(value, list | tuple) and any(map(_is_marked, value))


def _seal(value: JsonValue, positions: Mapping[str, int]) -> JsonValue:
    if isinstance(value, str):
        return {_SEALED: positions[value]} if value in positions else value
    if isinstance(value, Mapping):
        return {_MARK * key.startswith(_MARK) + key: _seal(one, positions) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_seal(one, positions) for one in value]
    if not isinstance(value, bool) and value is not None and str(value) in positions:
        return {_SEALED: positions[str(value)], "number": True}
    return value


def _unseal(value: JsonValue, texts: list[str]) -> JsonValue:
    if isinstance(value, Mapping):
        if _SEALED in value:
            text = texts[cast("int", value[_SEALED])]
            return cast("JsonValue", json.loads(text)) if "number" in value else text
        if _OWN in value:
            return value
        return {key.removeprefix(_MARK): _unseal(one, texts) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_unseal(one, texts) for one in value]
    return value
