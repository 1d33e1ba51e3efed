"""Tells what a path given to `validate` is: a runbook or an inventory."""

import os
import re
from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.loading.folder import entries, is_file, is_folder, is_there, real_path
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.quoting import quoted

_RUNBOOKS, _INVENTORIES = "runbooks", "inventories"
_YAML = frozenset({".yml", ".yaml"})
_HEAD = 64 * 1024
_RUNBOOK_KEY = re.compile(rb"^(runbook|steps)[ \t]*:", re.MULTILINE)
_INVENTORY_KEY = re.compile(rb"^([ \t]+[\"']?(hosts|children|vars)[\"']?|plugin)[ \t]*:", re.MULTILINE)
_INI_GROUP = re.compile(rb"^[ \t]*\[[^\]\s]+\]", re.MULTILINE)


def is_inventory(project: OpenProject, name: str) -> bool:
    """Tell an inventory from a runbook: by its folder, elsewhere by what stands in the file.

    What leads nowhere is taken for a runbook, whose loading says so.

    Raises:
        InvalidInputError: it is neither.
    """
    if not name.strip():
        return False
    if "/" not in name and not Path(name).suffix:
        is_runbook = any(is_there(project.root / _RUNBOOKS / f"{name}{suffix}") for suffix in _YAML)
        if is_runbook or is_there(project.root / _INVENTORIES / name):
            return not is_runbook
    path = next((found for found in (Path(name), project.root / name) if os.path.lexists(found)), None)
    if path is None or _lies_in(project, _RUNBOOKS, path):
        return False
    if _lies_in(project, _INVENTORIES, path) or real_path(path) in _default_inventory(project):
        return True
    kind = _folder_looks_like(path) if is_folder(path) else _looks_like(path)
    if not kind:
        raise InvalidInputError(
            f"{quoted(name)[1:-1]} is neither a runbook nor an inventory, as far as one can see",
            hint="a runbook begins with `runbook: NAME`; an inventory lies in inventories/, or has groups of hosts",
        )
    return kind == "inventory"


def _lies_in(project: OpenProject, folder: str, path: Path) -> bool:
    """Tell whether the path itself is below a folder of the project, wherever a link there may lead."""
    base = real_path(project.root) / folder
    places = (Path(os.path.abspath(path)), Path(os.path.realpath(path.parent), path.name))  # noqa: PTH100 - no links
    return any(place != base and place.is_relative_to(base) for place in places)


def _default_inventory(project: OpenProject) -> list[Path]:
    try:
        return project.inventory_paths(())
    except InvalidInputError:
        return []  # reported with the configuration


def _folder_looks_like(path: Path) -> str:
    if any(is_folder(path / part) for part in ("group_vars", "host_vars")):
        return "inventory"
    sources = [found for found in entries(path) if found.stem in {"hosts", "inventory"}]
    return "inventory" if any(_looks_like(found) == "inventory" for found in sources) else ""


def _looks_like(path: Path) -> str:
    """Give `runbook`, `inventory`, or nothing, by the beginning of a file."""
    if not is_file(path) or not os.access(path, os.R_OK):
        return ""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if path.suffix in _YAML:
        inventory = "inventory" if _INVENTORY_KEY.search(head) else ""
        return "runbook" if _RUNBOOK_KEY.search(head) else inventory
    if path.suffix == ".json":
        return "inventory" if b'"hosts"' in head or b'"_meta"' in head else ""
    is_program = head.startswith(b"#!") and os.access(path, os.X_OK)
    return "inventory" if is_program or _INI_GROUP.search(head) else ""
