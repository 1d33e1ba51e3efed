"""Reads an inventory program: runs it with `--list`, and with `--host` when it has no `_meta`, as Ansible does."""

import time
from collections.abc import Mapping
from pathlib import Path

from runbook_engine.loading.inventory.checks import check_group_name
from runbook_engine.loading.inventory.documents import parse_marked_json, plain
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Place
from runbook_engine.loading.inventory.programs import ProgramError, refuse_unsafe, run_program
from runbook_engine.model.quoting import quoted

ALL_HOSTS_SECONDS = 120.0
_META, _HOSTVARS = "_meta", "hostvars"
_SECTIONS = frozenset({"hosts", "vars", "children"})


def read_program(path: Path, draft: Draft, files: InventoryFiles) -> None:
    """Run a program and read what it prints into the draft; what is wrong goes to the draft's findings."""
    place = Place(files.shown(path))
    try:
        refuse_unsafe(path)
    except (ProgramError, OSError) as error:
        message, hint = (error.message, error.hint) if isinstance(error, ProgramError) else (str(error), "")
        draft.findings.add("RB303", place, f"the source is a program: {message}", hint)
        return
    if files.read(path) is None:  # its hash is recorded, and it may not be a link that leads elsewhere
        return
    program = _Program(path, place, draft, files)
    listed = program.ask("--list")
    if listed is None:
        return
    hostvars = _hostvars(listed, program)
    names: dict[str, None] = {}
    for name, content in listed.items():
        if name != _META:
            names.update(dict.fromkeys(_read_group(name, content, program)))
    end = time.monotonic() + ALL_HOSTS_SECONDS
    for name in names:
        if hostvars is None and time.monotonic() > end:
            program.wrong(f"its calls with --host take longer than {ALL_HOSTS_SECONDS:g} seconds together")
            return
        variables = program.ask("--host", name) if hostvars is None else hostvars.get(name, {})
        if variables is None:
            return
        _set_variables(name, variables, f"variables of host {quoted(name)}", program)


class _Program:
    """A program, the place that its findings have, and where its answers go."""

    def __init__(self, path: Path, place: Place, draft: Draft, files: InventoryFiles) -> None:
        self.place = place
        self.draft = draft
        self._path = path.absolute()
        self._files = files

    def ask(self, *arguments: str) -> Mapping[str, object] | None:
        """Run it; nothing when it fails or does not print a JSON object (a finding says why)."""
        asked = " ".join(arguments)
        try:
            printed = run_program(self._path, arguments, cwd=self._files.project)
        except ProgramError as error:
            self.draft.findings.add("RB325", self.place, f"inventory program ({asked}): {error.message}", error.hint)
            return None
        if not printed.strip() and arguments[0] == "--host":
            return {}
        try:
            answer = parse_marked_json(printed, self.place.file, self._files, self.draft.findings)
        except (ValueError, RecursionError) as error:
            self.wrong(f"what it prints for {asked} is not JSON: {str(error)[:200]}")
            return None
        if not isinstance(answer, dict):
            self.wrong(f"what it prints for {asked} is not a JSON object")
            return None
        return answer

    def wrong(self, message: str) -> None:
        """Note what is wrong with its answer."""
        self.draft.findings.add(
            "RB325",
            self.place,
            f"inventory program: {message}",
            'it must print {"GROUP": {"hosts": [...], "vars": {...}, "children": [...]}, "_meta": {"hostvars": {...}}}',
        )


def _hostvars(listed: Mapping[str, object], program: _Program) -> Mapping[str, object] | None:
    """Give the variables by host if they come along; nothing if each host is to be asked for."""
    if _META not in listed:
        return None
    meta = listed[_META]
    hostvars = meta.get(_HOSTVARS) if isinstance(meta, dict) else None
    if isinstance(hostvars, dict):
        return hostvars
    program.wrong("_meta has no mapping named hostvars")
    return {}


def _read_group(name: str, content: object, program: _Program) -> list[str]:
    """Read one group; give the names of its hosts."""
    draft, place = program.draft, program.place
    if not check_group_name(name, place, draft.findings):
        return []
    draft.add_group(name)
    if not isinstance(content, dict):
        content = {"hosts": content}
    elif not _SECTIONS & content.keys():
        # As Ansible reads it: a host of that name with these variables.
        content = {"hosts": [name], "vars": content}
    hosts = _names(content.get("hosts", []), f"hosts of group {quoted(name)}", program)
    if not draft.has_room(len(set(hosts) - draft.hosts.keys()), place):
        return []
    found = [host for host in hosts if draft.add_host(host, name, None, place)]
    _set_variables(name, content.get("vars", {}), f"vars of group {quoted(name)}", program)
    for child in _names(content.get("children", []), f"children of group {quoted(name)}", program):
        if check_group_name(child, place, draft.findings):
            draft.add_group(child)
            draft.add_child(name, child, place)
    return found


def _names(value: object, what: str, program: _Program) -> list[str]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    program.wrong(f"{what} is not a list of names")
    return []


def _set_variables(owner: str, variables: object, what: str, program: _Program) -> None:
    if not isinstance(variables, dict):
        program.wrong(f"{what} is not a mapping")
        return
    for name, value in variables.items():
        program.draft.set_variable(owner, name, plain(value), program.place)
