"""Reads lists of tasks: those of a play, of the files it includes by a fixed name, and of its roles."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, cast

from runbook_engine.loading.folder import is_file, real_path
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.parts import Around, Playbook, RoleUse, Task, as_list, as_mapping, short
from runbook_engine.loading.playbook.remarks import Remark
from runbook_engine.loading.playbook.role_uses import ROLE_TASKS, Named, of_play, of_task, use_of
from runbook_engine.loading.playbook.roles import Roles, names_left
from runbook_engine.loading.yaml_source import read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.located import LocatedDict, LocatedList
from runbook_engine.model.quoting import quoted

FROM_VAULT = "{{ secret('env:FROM_VAULT') }}"
"""What stands in place of a value that ansible-vault encrypted: somebody has to put it where secrets are kept here."""

TAGS: Mapping[str, Callable[[str], object]] = {"!unsafe": str, "!vault": lambda _: FROM_VAULT}
_INCLUDES = frozenset({"import_tasks", "include_tasks"})
_MOST_FILES = 100
_MOST_TASKS = 20_000


@dataclass(frozen=True, slots=True)
class Where:
    """Where a list of tasks is done, and on whose behalf.

    Attributes:
        file: its name for people, from the playbook's folder on.
        hosts: pattern of the play.
        play: number of the play.
        whole: whether it is one of the play's own lists, so that a play of its own can hold a task of it.
        role: the use of a role that it belongs to.
        folders: where files of its tasks are looked for, besides the playbook's folder.
    """

    file: str
    hosts: str
    play: int
    whole: bool = False
    role: RoleUse | None = None
    folders: tuple[Path, ...] = ()


class TaskReader:
    """Reads the tasks of one playbook; what is wrong with the YAML goes into `read.diagnostics`."""

    def __init__(self, folder: Path, read: Playbook, roles: Roles, limits: Limits) -> None:
        self._folder = folder
        self._read = read
        self._roles = roles
        self._limits = limits
        self._files = self._tasks_read = 0
        self._chain: list[str] = []
        self._first = ""

    def load(self, path: Path, shown: str) -> LocatedList | None:
        """Read a file that is a list; None when it is no valid YAML."""
        self._first = self._first or shown
        self._files += 1
        if self._files > _MOST_FILES:
            refuse(shown, (1, 1), f"more than {_MOST_FILES} files are included; do they include each other?")
        read = read_yaml_file(path, shown_as=shown, limits=self._limits, tags=TAGS, yaml_1_1=True)
        self._read.diagnostics += read.diagnostics
        self._read.sources[shown] = read.sources
        if has_errors(read.diagnostics):
            return None
        if not isinstance(read.root, LocatedList):
            refuse(shown, (1, 1), "this is a list neither of plays nor of tasks")
        return read.root

    def roles(self, play: LocatedDict, around: Around, where: Where) -> Iterator[Task]:
        """Give the tasks of a play's `roles`, or one task for a role whose tasks are not taken over one by one."""
        line = play.key_marks.get("roles", play.mark)[0]
        before: list[object] = []
        for role in as_list(play.get("roles")):
            if not isinstance(role, str | dict):
                refuse(where.file, play.key_marks.get("roles", play.mark), "a role is a name, or a mapping")
            named = of_play(role, around, self._roles, before)
            before.append(role)
            if named is None:
                self._remark(where, line, f"Role {role}", "left out: Ansible runs a role once in a play")
                continue
            yield from self._role(named, {"role": role}, where, line, {"roles": [plain(role)]})

    def tasks(self, nodes: object, around: Around, where: Where) -> Iterator[Task]:
        """Give the tasks of a list, one after the other, whatever blocks and files they stand in.

        Raises:
            InvalidInputError: it is no list of tasks.
        """
        if nodes is not None and not isinstance(nodes, LocatedList):
            refuse(where.file, getattr(nodes, "mark", (1, 1)), "tasks are a list")
        for node, mark in zip(nodes or (), nodes.marks if nodes else (), strict=True):
            if not isinstance(node, LocatedDict):
                refuse(where.file, mark, "a task is a mapping")
            self._tasks_read += 1
            if self._tasks_read > _MOST_TASKS:
                refuse(where.file, mark, f"there are more than {_MOST_TASKS:,} tasks")
            words = {short(word): value for word, value in node.items()}
            if "block" in words:
                yield from self._block(node, around, replace(where, whole=False))
            elif ROLE_TASKS & words.keys() and where.role is None:
                entry = {"tasks": [plain(node)]} if where.whole else None
                yield from self._role(of_task(words, around, self._roles), words, where, node.mark[0], entry)
            elif (included := self._included(node, words, where)) is not None:
                yield from self._inside(included, node, _within_include(around, words), where)
            else:
                line = node.mark[0]
                yield Task(
                    where.file, line, words, where.hosts, where.play, around, role=where.role, folders=where.folders
                )

    def _role(
        self, named: Named, words: Mapping[str, object], where: Where, line: int, entry: Mapping[str, object] | None
    ) -> Iterator[Task]:
        number = len(self._read.roles)
        use = use_of(named, number=number, play=where.play, file=where.file, line=line, entry=entry)
        self._read.roles.append(use)
        if use.refusal or named.found is None:
            shown = {**words, "name": use.name}
            yield Task(where.file, line, shown, where.hosts, where.play, named.around, role=use)
            return
        if (tasks := named.found.tasks) is None:
            return
        name = os.path.relpath(tasks, real_path(self._folder))
        folders = (named.found.folder, tasks.parent)
        inside = replace(where, file=name, whole=False, role=use, folders=folders)
        self._chain.append(name)
        yield from self.tasks(self.load(tasks, name), named.around, inside)
        self._chain.pop()

    def _inside(self, name: str, node: LocatedDict, around: Around, where: Where) -> Iterator[Task]:
        """Give the tasks of a file that is included."""
        if name in self._chain:
            refuse(where.file, node.mark, f"files include each other: {' → '.join([*self._chain, name])}")
        self._chain.append(name)
        nodes = self.load(self._folder / name, name)
        yield from self.tasks(nodes, around, replace(where, file=name, whole=False))
        self._chain.pop()

    def _block(self, node: LocatedDict, around: Around, where: Where) -> Iterator[Task]:
        if node.get("rescue"):
            text = "`rescue` is left out: use on_failure (hold, revert, continue), or a step with always"
            line = node.key_marks.get("rescue", node.mark)[0]
            self._remark(where, line, str(node.get("name") or "block"), text)
        yield from self.tasks(node["block"], around.within(node), where)
        yield from self.tasks(node.get("always"), around.within(node, always=True), where)

    def _included(self, node: LocatedDict, words: Mapping[str, object], where: Where) -> str | None:
        """Name the file that is included for certain, from the playbook's folder on.

        One that depends on anything is no such file. One that lies elsewhere is not read, and that is said: a playbook
        of a stranger is not to choose what of this machine is turned into a runbook.
        """
        for word in _INCLUDES & words.keys():
            value = words[word]
            name = value.get("file") if isinstance(value, dict) else value
            if not isinstance(name, str) or "{{" in name or "loop" in words:
                continue
            place = self._place(name, where)
            own = [real_path(self._folder), *where.folders[:1]]
            if not any(place.is_relative_to(folder) for folder in own):
                text = f"{quoted(name)} lies outside of the playbook's folder, and was not read"
                self._remark(where, node.mark[0], str(node.get("name") or word), text)
            elif is_file(place) and (word != "include_tasks" or not self._changes(place, words)):
                return os.path.relpath(place, real_path(self._folder))
        return None

    def _place(self, name: str, where: Where) -> Path:
        """Look for a file of tasks as Ansible does: beside the file that includes it, in the role, by the playbook."""
        beside = self._folder / os.path.dirname(where.file) / name  # noqa: PTH120 - a name for people, not a path
        places: Sequence[Path] = [beside, *(folder / name for folder in where.folders)]
        if where.file != self._first:
            for place in places:
                if is_file(place):
                    return real_path(place)
        return real_path(self._folder / name)

    def _changes(self, place: Path, words: Mapping[str, object]) -> bool:
        """Tell whether the tasks of a file register or set what its include depends on, which is asked once."""
        if "when" not in words:
            return False
        read = read_yaml_file(place, shown_as=place.name, limits=self._limits, tags=TAGS, yaml_1_1=True)
        text = json.dumps(as_list(words["when"]), default=str)
        return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names_left(read.root))

    def _remark(self, where: Where, line: int, task: str, text: str) -> None:
        remarks = self._read.remarks if where.role is None else where.role.remarks
        remarks.append(Remark(where.file, line, task, text))


def refuse(shown: str, mark: tuple[int, int], text: str) -> NoReturn:
    """Refuse a file that is YAML, and no playbook."""
    raise InvalidInputError(f"{shown}:{mark[0]}: {text}", hint="does `ansible-playbook --syntax-check` take it?")


def _within_include(around: Around, words: Mapping[str, object]) -> Around:
    """Give what holds for the tasks of a file: all that an import says; of what an include says, what it applies."""
    if "import_tasks" in words:
        return around.within(words)
    params = as_mapping(words.get("vars"))
    inside = around.within({word: value for word, value in words.items() if word in {"when", "vars"}}, params=params)
    given, more = words["include_tasks"], words.get("args")
    applied = {**as_mapping(given), **as_mapping(more)}.get("apply")
    return inside.within(cast("dict[str, object]", applied)) if isinstance(applied, dict) else inside
