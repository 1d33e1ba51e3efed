"""Finds roles where Ansible looks for them, and reads what they say besides their tasks."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.loading.folder import entries, is_file, is_folder, real_path
from runbook_engine.loading.playbook.parts import PREFIXES
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.loading.yaml_source import Tags, read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.quoting import quoted

NOT_FOUND = "it was not found where Ansible looks for roles"

_ENDINGS = (".yml", ".yaml", ".json", "")
_OF_A_COLLECTION = re.compile(r"\w+\.\w+\.[\w.]+")
_BRINGS = ("library", "module_utils")
_MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class FoundRole:
    """A role's folder and what its files say besides tasks.

    Attributes:
        folder: links followed.
        path: the folder it was found in; None when that is the playbook's own `roles/`.
        tasks: its file of tasks; None when there is none.
        refusal: why its tasks can't be taken over one by one; empty when they can.
        lost: names that its tasks register or set.
    """

    folder: Path
    path: Path | None
    tasks: Path | None
    refusal: str = ""
    defaults: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    repeatable: bool = False


class Roles:
    """Looks for the roles of one playbook.

    Args:
        folder: the playbook's.
        root: the project's.
        paths: where else roles are, as people configured it for Ansible.
    """

    def __init__(self, folder: Path, root: Path | None, paths: Sequence[Path], limits: Limits, tags: Tags) -> None:
        self._own = [real_path(folder), *([real_path(root)] if root is not None else [])]
        self._folder = folder
        self._paths = paths
        self._limits = limits
        self._tags = tags

    def find(self, name: object, files: Mapping[str, str]) -> FoundRole:
        """Find a role by its name.

        Args:
            files: which of its files are taken in place of `main`, by `tasks`, `vars`, `defaults`.

        Raises:
            CannotConvertError: there is none, or it is one that is not read.
        """
        folder, path = self._look(name)
        for word, file in files.items():
            if "{{" in file or not file.strip():
                raise CannotConvertError(f"a template names its file of {word}")
        refusal = self._brought(folder)
        values: dict[str, Mapping[str, object]] = {}
        for kind in ("defaults", "vars"):
            values[kind], problem = self._variables(folder, kind, files.get(kind, ""))
            refusal = refusal or problem
        meta, problem = self._variables(folder, "meta", "")
        refusal = refusal or problem or _of_meta(meta)
        if self._file(folder, "meta", "argument_specs") is not None:
            refusal = refusal or _CHECKED
        tasks = self._file(folder, "tasks", files.get("tasks") or "main")
        if tasks is None and "tasks" in files:
            raise CannotConvertError(f"it has no file of tasks named {files['tasks']}")
        return FoundRole(
            folder,
            path,
            tasks,
            refusal,
            values["defaults"],
            values["vars"],
            frozenset(self._lost(folder)),
            repeatable=meta.get("allow_duplicates") is True,
        )

    def _look(self, name: object) -> tuple[Path, Path | None]:
        if not isinstance(name, str) or not name.strip():
            raise CannotConvertError("it has no name")
        if "{{" in name:
            raise CannotConvertError("a template names the role")
        if _OF_A_COLLECTION.fullmatch(name):
            raise CannotConvertError("it is a role of a collection")
        for path in (self._folder / "roles", *self._paths, self._folder):
            folder = path / name
            if not is_folder(folder):
                continue
            real = real_path(folder)
            if not any(real.is_relative_to(one) for one in (*self._own, real_path(path))):
                raise CannotConvertError(f"{quoted(name)} lies outside of where roles are, and was not read")
            return real, path if path in self._paths else None
        raise CannotConvertError(NOT_FOUND)

    def _variables(self, folder: Path, kind: str, name: str) -> tuple[Mapping[str, object], str]:
        """Give what a role's file of variables says, and why that can't be told."""
        if is_folder(folder / kind / (name or "main")):
            return {}, f"its {kind} are in several files"
        place = self._file(folder, kind, name or "main")
        if place is None:
            return {}, f"it has no file of {kind} named {name}" if name else ""
        read = read_yaml_file(
            place, shown_as=f"{kind}/{place.name}", limits=self._limits, tags=self._tags, yaml_1_1=True
        )
        if has_errors(read.diagnostics) or not isinstance(read.root, dict | None):
            return {}, f"its {kind}/{place.name} can't be read"
        return read.root or {}, ""

    def _file(self, folder: Path, kind: str, name: str) -> Path | None:
        """Give a file of the role, which lies inside of it."""
        for ending in _ENDINGS if name == "main" or not os.path.splitext(name)[1] else ("", *_ENDINGS):  # noqa: PTH122
            place = folder / kind / f"{name}{ending}"
            if is_file(place):
                if not real_path(place).is_relative_to(folder / kind):
                    raise CannotConvertError(f"its {kind}/{place.name} lies outside of it")
                return place
        return None

    @staticmethod
    def _brought(folder: Path) -> str:
        for path in entries(folder):
            if path.name in _BRINGS or path.name.endswith("_plugins"):
                return f"it brings modules or plugins of its own ({path.name}/)"
        return ""

    def _lost(self, folder: Path) -> Iterator[str]:
        """Name what the role's tasks and handlers register or set."""
        for kind in ("tasks", "handlers"):
            for path in entries(folder / kind)[:_MOST_FILES]:
                if is_file(path) and path.suffix in _ENDINGS:
                    read = read_yaml_file(path, shown_as=path.name, limits=self._limits, tags=self._tags, yaml_1_1=True)
                    yield from names_left(read.root)


def names_left(tasks: object) -> Iterator[str]:
    """Name what tasks register or set, also inside of blocks."""
    for task in tasks if isinstance(tasks, list) else [tasks]:
        if not isinstance(task, dict):
            continue
        if isinstance(name := task.get("register"), str):
            yield name
        for word, value in task.items():
            if word.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1]) == "set_fact" and isinstance(value, dict):
                yield from (name for name in value if name != "cacheable")
            if word in {"block", "rescue", "always"}:
                yield from names_left(value)


def words_of(folder: Path, *, most: int = 2_000_000) -> frozenset[str]:
    """Give the words in a role's files, as far as `most` bytes of them reach."""
    found = set[str]()
    for kind in ("defaults", "vars", "tasks", "handlers", "templates", "meta"):
        for path in _files(folder / kind):
            with path.open("rb") as file:
                data = file.read(most)
            most -= len(data)
            found.update(re.findall(r"[A-Za-z_]\w*", data.decode("utf-8", "replace")))
    return frozenset(found)


def _files(folder: Path) -> Iterator[Path]:
    for path in entries(folder)[:_MOST_FILES]:
        if path.is_symlink():
            continue
        if is_folder(path):
            yield from _files(path)
        elif is_file(path):
            yield path


def _of_meta(meta: Mapping[str, object]) -> str:
    if meta.get("dependencies"):
        return "it depends on other roles (meta/main.yml)"
    return _CHECKED if meta.get("argument_specs") else ""


_CHECKED = "Ansible checks its arguments first (argument_specs)"
