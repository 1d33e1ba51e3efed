"""Finds the files that a task takes from beside the playbook or from its role, as a step names them."""

import re
from dataclasses import replace
from pathlib import Path

from runbook_engine.loading.folder import is_file, is_folder, is_there, real_path
from runbook_engine.loading.playbook.modules import TRIMS, Converted
from runbook_engine.loading.playbook.parts import Task
from runbook_engine.loading.playbook.refusals import refuse_bad_templates
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.model.json import JsonValue

_KINDS = {"file.copy": ("src", "files"), "file.template": ("src", "templates"), "script.run": ("script", "files")}
_VAULT = b"$ANSIBLE_VAULT"
# Ansible takes away the line's end behind these.
_TRIMMED = re.compile(r"(?<![-+])[%#]\}\n")


def place_file(made: Converted, task: Task, folder: Path, root: Path | None) -> tuple[Converted, str]:
    """Give an action with its file as the project has it, and a template's text.

    Args:
        folder: the playbook's.
        root: the project's.

    Raises:
        CannotConvertError: the file is one that would be another thing here.
    """
    word, kind = _KINDS.get(made.action, ("", ""))
    name = made.params.get(word)
    if not isinstance(name, str):
        return made, ""
    place = _found(name, task, folder, kind)
    if place is None or root is None or not place.is_relative_to(root):
        if task.role is not None:
            raise CannotConvertError(f"its file {name} is not one of the project")
        note = f"put the {'script' if word == 'script' else 'file'} where the project has it: {name}"
        return replace(made, notes=(note, *made.notes)), ""
    with place.open("rb") as file:
        data = file.read(_MOST)
    if data.startswith(_VAULT):
        raise CannotConvertError(f"its file {name} is encrypted by ansible-vault")
    params: dict[str, JsonValue] = {**made.params, word: str(place.relative_to(root))}
    placed = replace(made, params=params)
    if made.action != "file.template":
        return placed, ""
    text = data.decode("utf-8", "replace")
    if len(data) == _MOST:
        raise CannotConvertError(f"its template {name} is larger than {_MOST:,} bytes")
    if text.startswith("#jinja2:"):
        raise CannotConvertError(f"its template {name} says how it is to be read (#jinja2:)")
    refuse_bad_templates({"template": text})
    notes = tuple(note for note in made.notes if note != TRIMS or _TRIMMED.search(text))
    return replace(placed, notes=notes), text


def _found(name: str, task: Task, folder: Path, kind: str) -> Path | None:
    """Look for a file; None when there is none, or several, of which Ansible would choose."""
    if "{{" in name or Path(name).is_absolute():
        return None
    beside = real_path(folder)
    places = [each / part / name for each in (*task.folders, beside) for part in (kind, ".")]
    found = {real_path(place) for place in places if is_there(place)}
    if any(is_folder(place) for place in found):
        raise CannotConvertError(f"it copies a folder ({name})")
    allowed = (*task.folders[:1], beside)
    inside = [place for place in found if is_file(place) and any(place.is_relative_to(each) for each in allowed)]
    return inside[0] if len(found) == 1 and inside else None


_MOST = 1_000_000
