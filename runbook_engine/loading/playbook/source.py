"""Reads a playbook into a flat list of tasks, each with what its play and its blocks say for all of theirs."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from runbook_engine.loading.folder import is_file
from runbook_engine.loading.playbook.remarks import Remark
from runbook_engine.loading.playbook.variables import read_variables
from runbook_engine.loading.yaml_source import read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, has_errors
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.located import LocatedDict, LocatedList, SourceMap
from runbook_engine.model.quoting import quoted

FROM_VAULT = "{{ secret('env:FROM_VAULT') }}"
"""What stands in place of a value that ansible-vault encrypted: somebody has to put it where secrets are kept here."""

TAGS: Mapping[str, Callable[[str], object]] = {"!unsafe": str, "!vault": lambda _: FROM_VAULT}
_PREFIXES = ("ansible.builtin.", "ansible.legacy.")
_LISTS = ("pre_tasks", "tasks", "post_tasks")
_STATIC_INCLUDES = frozenset({"import_tasks", "include_tasks"})
_MOST_FILES = 100
_MOST_TASKS = 20_000
# Of a play: what is dealt with elsewhere, or says nothing about what is done.
_PLAY_WORDS = frozenset(
    {*_LISTS, "name", "hosts", "handlers", "roles", "vars", "gather_facts", "strategy", "order", "force_handlers"}
    | {"remote_user", "user", "connection", "port", "max_fail_percentage", "serial", "any_errors_fatal", "become"}
    | {"become_user", "become_method", "environment", "tags", "ignore_errors", "no_log", "throttle", "when", "timeout"}
    | {"collections", "become_flags", "become_exe", "debugger", "diff", "check_mode", "run_once", "ignore_unreachable"}
    | {"gather_subset", "gather_timeout", "module_defaults", "fact_path", "validate_argspec"}
)
_INHERITED = (
    *("become", "become_user", "environment", "ignore_errors", "no_log", "throttle", "timeout", "run_once"),
    *("check_mode", "connection", "remote_user", "user", "port", "become_method", "become_flags", "become_exe"),
    *("module_defaults", "ignore_unreachable"),
)


@dataclass(frozen=True, slots=True)
class Around:
    """What plays and blocks say for the tasks in them: `when` adds up, the innermost of the others wins."""

    when: tuple[object, ...] = ()
    words: dict[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    always: bool = False

    def _environment(self, node: Mapping[str, object]) -> dict[str, object]:
        """Give the environment of what is inside: that of the outside, and what is said here besides."""
        own, around = node.get("environment"), self.words.get("environment")
        return {"environment": {**around, **own}} if isinstance(own, dict) and isinstance(around, dict) else {}

    def within(self, node: Mapping[str, object], *, always: bool = False) -> "Around":
        """Give what holds inside a play or a block."""
        return Around(
            when=(*self.when, *as_list(node.get("when"))),
            words={
                **self.words,
                **{word: node[word] for word in _INHERITED if word in node},
                **self._environment(node),
            },
            variables={**self.variables, **as_mapping(node.get("vars"))},
            tags=tuple(dict.fromkeys((*self.tags, *as_words(node.get("tags"))))),
            always=self.always or always,
        )


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a playbook.

    Attributes:
        file, line: where it stands.
        words: its keys and values, the module's among them.
        hosts: pattern of the play.
        play: number of the play, from 0.
        serial, max_fail_percentage: of the play.
    """

    file: str
    line: int
    words: Mapping[str, object]
    hosts: str
    play: int
    around: Around
    serial: object = None
    max_fail_percentage: object = None

    @property
    def name(self) -> str:
        """What people call it; empty when it has no name."""
        return str(self.words.get("name") or "").strip()


@dataclass(slots=True)
class Playbook:
    """What was read.

    Attributes:
        variables: of each play, by its number.
    """

    name: str = ""
    tasks: list[Task] = field(default_factory=list)
    variables: list[Mapping[str, object]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, SourceMap] = field(default_factory=dict)


def read_playbook(path: Path, *, shown_as: str, limits: Limits) -> Playbook:
    """Read a playbook, and the files of tasks that it includes by a fixed name.

    What is wrong with the YAML is in `diagnostics`.

    Raises:
        InvalidInputError: it is YAML, and no playbook.
    """
    return _Reader(path.parent, limits).read(path, shown_as)


def short(word: str) -> str:
    """Give a module's name without the prefix of those that come with Ansible."""
    return next((word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)), word)


def as_list(value: object) -> list[object]:
    """Give a list of what may be one thing or many; nothing for None."""
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def as_words(value: object) -> list[str]:
    """Give a list of texts of what may be a list, or a text with commas."""
    return [word.strip() for item in as_list(value) for word in str(item).split(",") if word.strip()]


def as_mapping(value: object) -> dict[str, object]:
    """Give a mapping; an empty one for what is none."""
    return dict(value) if isinstance(value, dict) else {}


class _Reader:
    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._read = Playbook()
        self._files = self._tasks_read = 0
        self._chain: list[str] = []

    def read(self, path: Path, shown: str) -> Playbook:
        self._shown = shown
        plays = self._load(path, shown)
        if plays is None:
            return self._read
        for number, play in enumerate(plays):
            if not isinstance(play, LocatedDict):
                self._refuse(shown, plays.marks[number], "a play is a mapping with `hosts`")
            elif "import_playbook" in _shortened(play):
                self._other(play, shown)
            elif "hosts" not in play:
                self._refuse(shown, play.mark, "the play has no `hosts`; is this a playbook?")
            else:
                self._play(play, shown)
        return self._read

    def _other(self, play: LocatedDict, shown: str) -> None:
        """Keep the place of another playbook by a task that nothing here does."""
        name = _shortened(play)["import_playbook"]
        words = {"name": f"Playbook {name}", "import_playbook": name}
        self._read.variables.append({})
        number = len(self._read.variables) - 1
        self._read.tasks.append(Task(shown, play.mark[0], words, "localhost", number, Around()))

    def _load(self, path: Path, shown: str) -> LocatedList | None:
        self._files += 1
        if self._files > _MOST_FILES:
            self._refuse(shown, (1, 1), f"more than {_MOST_FILES} files are included; do they include each other?")
        read = read_yaml_file(path, shown_as=shown, limits=self._limits, tags=TAGS, yaml_1_1=True)
        self._read.diagnostics += read.diagnostics
        self._read.sources[shown] = read.sources
        if has_errors(read.diagnostics):
            return None
        if not isinstance(read.root, LocatedList):
            self._refuse(shown, (1, 1), "this is a list neither of plays nor of tasks")
        return read.root

    def _play(self, play: LocatedDict, shown: str) -> None:
        number = len(self._read.variables)
        self._read.variables.append({**as_mapping(play.get("vars")), **self._variable_files(play, shown)})
        self._read.name = self._read.name or str(play.get("name") or "")
        hosts = ":".join(as_words(play["hosts"]))
        for word in play:
            if word not in _PLAY_WORDS and word != "vars_files":
                self._remark(
                    shown,
                    play,
                    f"play {play.get('name') or hosts}",
                    _LEFT_OF_A_PLAY.get(word, f"`{word}` has no counterpart"),
                    key=word,
                )
        for handler in as_list(play.get("handlers")):
            if isinstance(handler, LocatedDict):
                text = "handlers are left out: write a step for it, with `when` on what it depends on"
                self._remark(shown, handler, str(handler.get("name") or "handler"), text)
        around = Around().within({word: value for word, value in play.items() if word != "vars"})
        serial, percentage = play.get("serial"), play.get("max_fail_percentage")
        if serial is not None:
            text = "`serial` took a batch of hosts through the whole play; here each step has its batches"
            self._remark(shown, play, f"play {play.get('name') or hosts}", text, key="serial")
        for name in _LISTS:
            if name == "tasks":
                self._read.tasks += self._roles(play, shown, around, hosts, number)
            for task in self._tasks(play.get(name), shown, around, hosts, number):
                self._read.tasks.append(replace(task, serial=serial, max_fail_percentage=percentage))
        several = sum(task.play == number for task in self._read.tasks) > 1
        if several and hosts not in _ONE_HOST and play.get("any_errors_fatal") is not True:
            self._remark(shown, play, f"play {play.get('name') or hosts}", _ANOTHER_END, key="hosts")

    def _variable_files(self, play: LocatedDict, shown: str) -> dict[str, object]:
        found, left = read_variables(play.get("vars_files"), self._folder, self._limits)
        for name in left:
            text = f"vars_files: {name} is left out: put it into group_vars/ of the inventory"
            self._remark(shown, play, f"play {play.get('name') or play['hosts']}", text, key="vars_files")
        return found

    def _roles(self, play: LocatedDict, shown: str, around: Around, hosts: str, number: int) -> Iterator[Task]:
        """Give a task for each role, which nothing here does: what it would do is not in this file."""
        line = play.key_marks.get("roles", play.mark)[0]
        for role in as_list(play.get("roles")):
            name = (role.get("role") or role.get("name")) if isinstance(role, dict) else role
            yield Task(shown, line, {"name": f"Role {name}", "role": role}, hosts, number, around)

    def _tasks(self, nodes: object, shown: str, around: Around, hosts: str, play: int) -> Iterator[Task]:
        if nodes is not None and not isinstance(nodes, LocatedList):
            self._refuse(shown, getattr(nodes, "mark", (1, 1)), "tasks are a list")
        for node, mark in zip(nodes or (), nodes.marks if nodes else (), strict=True):
            if not isinstance(node, LocatedDict):
                self._refuse(shown, mark, "a task is a mapping")
            self._tasks_read += 1
            if self._tasks_read > _MOST_TASKS:
                self._refuse(shown, mark, f"there are more than {_MOST_TASKS:,} tasks")
            words = _shortened(node)
            task = Task(shown, node.mark[0], words, hosts, play, around)
            if "block" in words:
                yield from self._block(node, shown, around, hosts, play)
            elif (included := self._included(node, shown)) is not None:
                yield from self._inside(included, shown, node, around.within(words), hosts, play)
            else:
                yield task

    def _inside(
        self, name: str, shown: str, node: LocatedDict, around: Around, hosts: str, play: int
    ) -> Iterator[Task]:
        """Give the tasks of a file that is included."""
        if name in self._chain:
            self._refuse(shown, node.mark, f"files include each other: {' → '.join([*self._chain, name])}")
        self._chain.append(name)
        yield from self._tasks(self._load(self._folder / name, name), name, around, hosts, play)
        self._chain.pop()

    def _block(self, node: LocatedDict, shown: str, around: Around, hosts: str, play: int) -> Iterator[Task]:
        if node.get("rescue"):
            text = "`rescue` is left out: use on_failure (hold, revert, continue), or a step with always"
            self._remark(shown, node, str(node.get("name") or "block"), text, key="rescue")
        yield from self._tasks(node["block"], shown, around.within(node), hosts, play)
        yield from self._tasks(node.get("always"), shown, around.within(node, always=True), hosts, play)

    def _included(self, node: LocatedDict, shown: str) -> str | None:
        """Name the file that is included for certain, from the playbook's folder on.

        One that depends on anything is no such file. One that lies elsewhere is not read, and that is said: a playbook
        of a stranger is not to choose what of this machine is turned into a runbook.
        """
        words = _shortened(node)
        for word in _STATIC_INCLUDES & words.keys():
            value = words[word]
            name = value.get("file") if isinstance(value, dict) else value
            if not isinstance(name, str) or "{{" in name or "loop" in words:
                continue
            folder = os.path.realpath(self._folder)
            # As Ansible: beside the file that includes it, else beside the playbook.
            beside = self._folder / os.path.dirname(shown) / name  # noqa: PTH120 - a name for people, not a path
            place = os.path.realpath(beside if shown != self._shown and is_file(beside) else self._folder / name)
            if not Path(place).is_relative_to(folder):
                text = f"{quoted(name)} lies outside of the playbook's folder, and was not read"
                self._remark(shown, node, str(node.get("name") or word), text)
            elif is_file(Path(place)):
                return os.path.relpath(place, folder)
        return None

    def _refuse(self, shown: str, mark: tuple[int, int], text: str) -> NoReturn:
        raise InvalidInputError(f"{shown}:{mark[0]}: {text}", hint="does `ansible-playbook --syntax-check` take it?")

    def _remark(self, shown: str, node: LocatedDict, task: str, text: str, *, key: str = "") -> None:
        line = node.key_marks.get(key, node.mark)[0]
        self._read.remarks.append(Remark(shown, line, task, text))


_ONE_HOST = frozenset({"localhost", "127.0.0.1"})
_ANOTHER_END = (
    "where a task fails on one host, Ansible goes on with the others; here all that comes after it waits: "
    'say max_failures, or needs: ["STEP@target"]'
)
_LEFT_OF_A_PLAY = {
    "vars_prompt": "vars_prompt is left out: make them inputs",
}


def _shortened(node: Mapping[str, object]) -> dict[str, object]:
    return {short(word): value for word, value in node.items()}
