"""Finds and reads `group_vars/` and `host_vars/`: files, folders, several extensions, in Ansible's order."""

from collections.abc import Iterator
from pathlib import Path

from runbook_engine.loading.folder import real_path
from runbook_engine.loading.inventory.checks import check_variable
from runbook_engine.loading.inventory.documents import plain, read_variables
from runbook_engine.loading.inventory.files import InventoryFiles
from runbook_engine.loading.inventory.findings import Findings, Place
from runbook_engine.model.json import JsonObject, JsonValue

EXTENSIONS = ("", ".yml", ".yaml", ".json")


class VarsFolders:
    """Answers which variables the files beside a source give to a group or a host; reads each file once.

    Args:
        files: the way to the disk.
        findings: receives what is wrong with the files.
    """

    def __init__(self, files: InventoryFiles, findings: Findings) -> None:
        self._files = files
        self._findings = findings
        self._listings: dict[Path, frozenset[str]] = {}
        self._read: dict[tuple[Path, str], JsonObject] = {}
        self._named: set[str] = set()

    def of(self, folder: Path, name: str) -> JsonObject:
        """Give the variables that `folder` (a `group_vars` or `host_vars`) has for a name; empty if it has none."""
        listing = self._listing(folder)
        if not listing:
            return {}
        key = (folder, name)
        if key not in self._read:
            merged: dict[str, JsonValue] = {}
            for path in self._paths(folder, listing, name):
                merged.update(self._variables(path))
            self._read[key] = merged
        return self._read[key]

    def _listing(self, folder: Path) -> frozenset[str]:
        """List a folder once; the names are compared as text, so that no host name can lead out of the folder."""
        if folder not in self._listings:
            self._listings[folder] = frozenset(path.name for path in self._files.entries(folder))
        return self._listings[folder]

    def _paths(self, folder: Path, listing: frozenset[str], name: str) -> Iterator[Path]:
        """Give the files for a name: of `web`, `web.yml`, `web.yaml`, `web.json` only the first that exists counts."""
        for extension in EXTENSIONS:
            path = folder / f"{name}{extension}"
            if path.name in listing and path.exists():
                yield from self._files_below(path, (path,)) if path.is_dir() else (path,)
                return

    def _variables(self, path: Path) -> dict[str, JsonValue]:
        document = read_variables(path, self._files, self._findings)
        if document is None or document.root is None:
            return {}
        place = Place(self._files.shown(path), 1, 1)
        if not isinstance(document.root, dict):
            self._findings.add(
                "RB314",
                place,
                "the file holds no variables; write a mapping of names to values",
                "one `name: value` a line",
            )
            return {}
        variables = {str(name): plain(value) for name, value in document.root.items()}
        for name, value in variables.items():
            check_variable(name, value, document.key_place((name,)), self._findings, self._named)
        return variables

    def _files_below(self, folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
        """Give the files of a variables folder alphabetically; hidden, backup and foreign files don't count."""
        for path in self._files.entries(folder):
            if path.name.startswith(".") or path.name.endswith("~"):
                continue
            if path.is_dir():
                if not path.suffix and real_path(path) not in {real_path(one) for one in above}:
                    yield from self._files_below(path, (*above, path))
            elif path.suffix in EXTENSIONS and path.exists():
                yield path
