"""Turns an Ansible playbook into a runbook file of the project, and says what it could not turn."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.whole_file import replacing
from runbook_engine.loading.folder import is_there, real_path, shown
from runbook_engine.loading.playbook.by_ansible import Ansible
from runbook_engine.loading.playbook.convert import Conversion, convert_playbook
from runbook_engine.loading.playbook.source import read_playbook
from runbook_engine.loading.yaml_write import write_yaml
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.errors import InvalidInputError, UsageError

_NO_NAME = re.compile(r"[^a-z0-9]+")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_HEAD = """# From the Ansible playbook {file}. Look at what `runbook import-playbook` said of it, and at each step;
# then rehearse it: runbook run {name} --dry-run
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """A runbook made of a playbook.

    Attributes:
        name: the runbook's.
        text: the runbook file.
        path: where it was written; None when it was not.
    """

    name: str
    text: str
    conversion: Conversion
    path: Path | None = None


def import_playbook(
    project: OpenProject, file: Path, *, name: str = "", write: bool = True, asks_ansible: bool = True
) -> Imported:
    """Read a playbook, and write the runbook into the project's `runbooks/`; an existing one is never replaced.

    Args:
        asks_ansible: whether steps may leave to Ansible what no action does.

    Raises:
        InvalidFilesError: the playbook is not valid YAML.
        InvalidInputError: it is no playbook, or holds nothing to do; the project's inventory isn't there.
        UsageError: the name is no runbook's, is taken, or the file can't be written.
    """
    name = name or _NO_NAME.sub("-", file.stem.lower()).strip("-")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{shown(name)} is no name for a runbook", hint="give one with --name, such as restore-db")
    path = project.root / "runbooks" / f"{name}.yml"
    if write and (is_there(path) or path.is_symlink()):
        raise UsageError(f"{shown(path)} is there already", hint="give another name with --name")
    playbook = read_playbook(file, shown_as=shown(file), limits=project.config.limits)
    if has_errors(playbook.diagnostics):
        raise InvalidFilesError(f"{shown(file)} is not valid", playbook.diagnostics, playbook.sources)
    conversion = convert_playbook(playbook, name, _ansible_of(project, file) if asks_ansible else None)
    if not conversion.steps:
        raise InvalidInputError(f"{shown(file)} holds no task that becomes a step")
    text = _HEAD.format(file=shown(file.name), name=name) + write_yaml(conversion.runbook)
    if not write:
        return Imported(name, text, conversion)
    path.parent.mkdir(exist_ok=True)
    with replacing(path, new_mode=0o666) as out:  # a source that people share, as their editors make it
        out.write(text.encode())
    return Imported(name, text, conversion, path)


def _ansible_of(project: OpenProject, file: Path) -> Ansible:
    """Have Ansible look for files beside the playbook, and for hosts in the project's inventory."""
    root, folder = real_path(project.root), real_path(file.parent)
    inventory = [real_path(path) for path in project.inventory_paths(())]
    if not folder.is_relative_to(root):
        return Ansible([str(path) for path in inventory], str(folder))
    seen = [os.path.relpath(path, folder) if path.is_relative_to(root) else str(path) for path in inventory]
    return Ansible(seen, None if folder == root else str(folder.relative_to(root)))
