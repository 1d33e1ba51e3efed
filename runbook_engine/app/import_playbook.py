"""Turns an Ansible playbook into a runbook file of the project, and says what it could not turn."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.roles_path import roles_path
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
        plays: files that were written beside the playbook, for steps that have Ansible run a role.
    """

    name: str
    text: str
    conversion: Conversion
    path: Path | None = None
    plays: tuple[Path, ...] = ()


def import_playbook(
    project: OpenProject, file: Path, *, name: str = "", write: bool = True, asks_ansible: bool = True
) -> Imported:
    """Read a playbook and its roles, and write the runbook into the project's `runbooks/`; nothing is ever replaced.

    Args:
        write: whether files are written: the runbook, and plays that it needs beside the playbook.
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
    playbook = read_playbook(
        file,
        shown_as=shown(file),
        limits=project.config.limits,
        root=real_path(project.root),
        roles_path=roles_path(project.root, file.parent),
    )
    if has_errors(playbook.diagnostics):
        raise InvalidFilesError(f"{shown(file)} is not valid", playbook.diagnostics, playbook.sources)
    ansible = replace(_ansible_of(project, file), writes=write) if asks_ansible else None
    conversion = convert_playbook(playbook, name, ansible)
    if not conversion.steps:
        raise InvalidInputError(f"{shown(file)} holds no task that becomes a step")
    text = _HEAD.format(file=shown(file.name), name=name) + write_yaml(conversion.runbook)
    if not write:
        return Imported(name, text, conversion)
    plays = {file.parent / play: content for play, content in conversion.plays.items()}
    for place in plays:
        if is_there(place) or place.is_symlink():
            raise UsageError(f"{shown(place)} is there already", hint="remove it, or give another name with --name")
    path.parent.mkdir(exist_ok=True)
    for place, content in {**plays, path: text}.items():
        _write(place, content)
    return Imported(name, text, conversion, path, tuple(plays))


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path, new_mode=0o666) as out:  # a source that people share, as their editors make it
            out.write(text.encode())
    except OSError as error:
        raise UsageError(f"{shown(path)} can't be written: {error.strerror}") from error


def _ansible_of(project: OpenProject, file: Path) -> Ansible:
    """Have Ansible look for files beside the playbook, and for hosts in the project's inventory."""
    root, folder = real_path(project.root), real_path(file.parent)
    inventory = [real_path(path) for path in project.inventory_paths(())]
    if not folder.is_relative_to(root):
        return Ansible([str(path) for path in inventory], str(folder), folder, root)
    seen = [os.path.relpath(path, folder) if path.is_relative_to(root) else str(path) for path in inventory]
    return Ansible(seen, None if folder == root else str(folder.relative_to(root)), folder, root)
