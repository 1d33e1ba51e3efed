"""Reads YAML and JSON inventories: groups with `hosts`, `vars` and `children`, nested at will."""

from collections.abc import Mapping

from runbook_engine.loading.inventory.checks import check_group_name
from runbook_engine.loading.inventory.documents import Document, plain
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Place
from runbook_engine.loading.inventory.plugins import read_plugin
from runbook_engine.loading.inventory.ranges import expand_host
from runbook_engine.loading.yaml_fold_1_1 import ValueKey
from runbook_engine.model.located import Path
from runbook_engine.model.quoting import did_you_mean, quoted

_SECTIONS = ("hosts", "vars", "children")


def read_tree(document: Document, draft: Draft, files: InventoryFiles) -> None:
    """Read one parsed source into the draft; what is wrong with it goes to the draft's findings."""
    root = document.root
    if not isinstance(root, dict):
        draft.findings.add(
            "RB311",
            document.place(()),
            "an inventory in YAML is a mapping of groups",
            "begin with `all:` and `hosts:` below it",
        )
    elif root.get("plugin"):
        read_plugin(document, draft, files)
    else:
        for name, content in root.items():
            _read_group(name, content, (name,), document, draft)


def _read_group(name: str, content: object, path: Path, document: Document, draft: Draft) -> None:
    place = document.key_place(path)
    if _is_value(name, "group", place, draft) or not check_group_name(name, place, draft.findings):
        return
    if content is None:
        draft.add_group(name)
        return
    if not isinstance(content, dict):
        draft.findings.add(
            "RB311", place, f"group {quoted(name)} is not a mapping", "write hosts:, vars: or children: below its name"
        )
        return
    draft.add_group(name)
    for key, section in content.items():
        _read_section(name, key, section, (*path, key), document, draft)


def _read_section(group: str, key: str, section: object, path: Path, document: Document, draft: Draft) -> None:
    place = document.key_place(path)
    if key not in _SECTIONS:
        draft.findings.add(
            "RB312",
            place,
            f"key {quoted(key)} of group {quoted(group)} means nothing",
            lambda: did_you_mean(key, _SECTIONS) or "only hosts, vars and children are read",
        )
        return
    entries: Mapping[str, object]
    if section is None:
        return
    if isinstance(section, str):
        entries = {section: None}
    elif isinstance(section, dict):
        entries = section
    else:
        draft.findings.add(
            "RB311",
            place,
            f"{key} of group {quoted(group)} is not a mapping",
            "write each name as a key, with a ':' behind",
        )
        return
    for name, content in entries.items():
        below = (*path, name)
        if key == "hosts":
            _read_host(name, content, group, below, document, draft)
        elif key == "vars":
            draft.set_variable(group, str(name), plain(content), document.key_place(below))
        else:
            _read_group(name, content, below, document, draft)
            if name in draft.groups:
                draft.add_child(group, name, document.key_place(below))


def _read_host(pattern: str, content: object, group: str, path: Path, document: Document, draft: Draft) -> None:
    place = document.key_place(path)
    if _is_value(pattern, "host", place, draft):
        return
    variables = content or {}
    if not isinstance(variables, dict):
        draft.findings.add(
            "RB311", place, f"host {quoted(pattern)} is not a mapping of variables", "write name: value pairs below it"
        )
        return
    try:
        names, port = expand_host(pattern, has_room=lambda count: draft.has_room(count, place))
    except ValueError as error:
        draft.findings.add("RB310", place, f"can't read host {quoted(pattern)}: {error}")
        return
    for name in names:
        if draft.add_host(name, group, port, place):
            for key, value in variables.items():
                draft.set_variable(name, str(key), plain(value), document.key_place((*path, key)))


def _is_value(name: str, what: str, place: Place, draft: Draft) -> bool:
    """Tell whether YAML 1.1 takes a name for a number or a boolean; a finding says so."""
    if not isinstance(name, ValueKey):
        return False
    message = f"this {what}'s name is no text in YAML 1.1, but the value {name}"
    draft.findings.add("RB311", place, message, "put the name in quotes")
    return True
