"""Walks the sources that the operator named, and hands each file to the reader of its format."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runbook_engine.loading.inventory.documents import Document, parse_document, read_document
from runbook_engine.loading.inventory.draft import Draft
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.loading.inventory.ini import read_ini
from runbook_engine.loading.inventory.program_source import read_program
from runbook_engine.loading.inventory.tree import read_tree

_IGNORED_NAMES = frozenset({"group_vars", "host_vars", "vars_plugins"})
_IGNORED_ENDS = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry")
_YAML_ENDS = frozenset({".yml", ".yaml", ".json"})
_SECTION_LINE = re.compile(r"\[[^\[\]]+\]\s*(?:#.*)?")
_MAPPING_LINE = re.compile(r"---|%YAML|[{?\"']|.*:(?:\s|$)")


def read_source(path: Path, draft: Draft, files: InventoryFiles) -> None:
    """Read a file, or all source files of a folder and its subfolders, into the draft."""
    if path.is_dir():
        found = list(_source_files(path, (), draft.findings, files))
        for file in found:
            _read_file(file, draft, files)
        if not found:
            draft.findings.add(
                "RB324", Place(files.shown(path)), "the folder holds no inventory source", "put a file `hosts` into it"
            )
    elif path.exists():
        _read_file(path, draft, files)
    else:
        draft.findings.add("RB301", Place(files.shown(path)), "there is no such file or folder")


def _source_files(folder: Path, above: tuple[str, ...], findings: Findings, files: InventoryFiles) -> Iterator[Path]:
    """Give a folder's sources in byte order of their names, folders' contents in the folder's place."""
    real = os.path.realpath(folder)
    if real in above:
        findings.add("RB302", Place(files.shown(folder)), "the folder is a link to a folder that contains it")
        return
    for path in files.entries(folder):
        if path.name.startswith(".") or path.name in _IGNORED_NAMES or path.name.endswith(_IGNORED_ENDS):
            continue
        if path.is_dir():
            yield from _source_files(path, (*above, real), findings, files)
        else:
            yield path


def _read_file(path: Path, draft: Draft, files: InventoryFiles) -> None:
    _read_by_format(path, draft, files)
    draft.folders[path.parent] = None


def _read_by_format(path: Path, draft: Draft, files: InventoryFiles) -> None:
    place = Place(files.shown(path))
    if path.is_file() and os.access(path, os.X_OK):
        read_program(path, draft, files)
    elif path.suffix == ".toml":
        draft.findings.add("RB320", place, "TOML inventories are not read", "write it as INI or YAML")
    elif path.suffix in _YAML_ENDS:
        document = read_document(path, files, draft.findings)
        if document is not None and document.root is not None:
            read_tree(document, draft, files)
    elif (content := files.read(path)) is not None:
        _read_unnamed(content, place.file, path.suffix, draft, files)


def _read_unnamed(content: bytes, shown: str, suffix: str, draft: Draft, files: InventoryFiles) -> None:
    """Read a source whose name does not tell its format: YAML if it is a tree of groups, else INI."""
    text = _decode(content, shown, draft.findings)
    if text is None:
        return
    first = _first_line(text)
    if not suffix and not _SECTION_LINE.fullmatch(first) and _MAPPING_LINE.match(first):
        findings = Findings()
        document = parse_document(content, shown, files, findings)
        if document is not None and _is_tree(document):
            draft.findings.extend(findings.sorted())
            read_tree(document, draft, files)
            return
        if document is None and re.match(r"---|%YAML|\{|[\w-]+:\s*(?:#.*)?$", first):
            draft.findings.extend(findings.sorted())
            return
    read_ini(text, shown, draft)


def _decode(content: bytes, shown: str, findings: Findings) -> str | None:
    """Decode a source; a comment line of an INI file may be in any encoding."""
    with suppress(UnicodeDecodeError):  # otherwise look for the line that is to blame
        return content.decode("utf-8-sig")
    lines = content.splitlines()
    for number, line in enumerate(lines):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            if line[:1] not in {b"#", b";"}:
                findings.add(
                    "RB306", Place(shown, number + 1, error.start + 1), "the line is not UTF-8", "save it as UTF-8"
                )
                return None
            lines[number] = b"#"
    return b"\n".join(lines).decode("utf-8-sig")


def _first_line(text: str) -> str:
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            return stripped
    return ""


def _is_tree(document: Document) -> bool:
    """Tell whether a document looks like groups: its values are mappings or empty, or it is a plugin's settings."""
    root = document.root
    if not isinstance(root, dict):
        return False
    return "plugin" in root or all(value is None or isinstance(value, dict) for value in root.values())
