"""Reads a playbook into a flat list of tasks, each with what its play and its blocks say for all of theirs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.parts import LISTS, Around, Playbook, Task, as_list, as_mapping, as_words, short
from runbook_engine.loading.playbook.remarks import Remark
from runbook_engine.loading.playbook.roles import Roles
from runbook_engine.loading.playbook.task_files import TAGS, TaskReader, Where, refuse
from runbook_engine.loading.playbook.variables import read_variables
from runbook_engine.model.config import Limits
from runbook_engine.model.located import LocatedDict

# Of a play: what is dealt with elsewhere, or says nothing about what is done.
_PLAY_WORDS = frozenset(
    {*LISTS, "name", "hosts", "handlers", "roles", "vars", "gather_facts", "strategy", "order", "force_handlers"}
    | {"remote_user", "user", "connection", "port", "max_fail_percentage", "serial", "any_errors_fatal", "become"}
    | {"become_user", "become_method", "environment", "tags", "ignore_errors", "no_log", "throttle", "when", "timeout"}
    | {"collections", "become_flags", "become_exe", "debugger", "diff", "check_mode", "run_once", "ignore_unreachable"}
    | {"gather_subset", "gather_timeout", "module_defaults", "fact_path", "validate_argspec"}
)


def read_playbook(
    path: Path, *, shown_as: str, limits: Limits, root: Path | None = None, roles_path: Sequence[Path] = ()
) -> Playbook:
    """Read a playbook, the files of tasks that it includes by a fixed name, and its roles.

    What is wrong with the YAML is in `diagnostics`.

    Args:
        root: the project's folder.
        roles_path: where roles are, besides `roles/` in the playbook's folder.

    Raises:
        InvalidInputError: it is YAML, and no playbook.
    """
    return _Reader(path.parent, root, roles_path, limits).read(path, shown_as)


class _Reader:
    def __init__(self, folder: Path, root: Path | None, roles_path: Sequence[Path], limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._read = Playbook(folder=folder, root=root)
        roles = Roles(folder, root, roles_path, limits, TAGS)
        self._tasks = TaskReader(folder, self._read, roles, limits)

    def read(self, path: Path, shown: str) -> Playbook:
        plays = self._tasks.load(path, shown)
        if plays is None:
            return self._read
        lines = self._read.sources[shown].lines
        self._read.tagged = any("!vault" in line or "!unsafe" in line for line in lines)
        for number, play in enumerate(plays):
            if not isinstance(play, LocatedDict):
                refuse(shown, plays.marks[number], "a play is a mapping with `hosts`")
            elif "import_playbook" in (words := {short(word): value for word, value in play.items()}):
                self._other(words["import_playbook"], play, shown)
            elif "hosts" not in play:
                refuse(shown, play.mark, "the play has no `hosts`; is this a playbook?")
            else:
                self._play(play, shown)
        return self._read

    def _other(self, name: object, play: LocatedDict, shown: str) -> None:
        """Keep the place of another playbook by a task that nothing here does."""
        words = {"name": f"Playbook {name}", "import_playbook": name}
        self._read.variables.append({})
        self._read.plays.append(None)
        number = len(self._read.variables) - 1
        self._read.tasks.append(Task(shown, play.mark[0], words, "localhost", number, Around()))

    def _play(self, play: LocatedDict, shown: str) -> None:
        number = len(self._read.variables)
        self._read.variables.append({**as_mapping(play.get("vars")), **self._variable_files(play, shown)})
        rest = {word: plain(value) for word, value in play.items() if word not in {*LISTS, "roles"}}
        self._read.plays.append(rest)
        self._read.name = self._read.name or str(play.get("name") or "")
        hosts = ":".join(as_words(play["hosts"]))
        title = f"play {play.get('name') or hosts}"
        for word in play:
            if word not in _PLAY_WORDS and word != "vars_files":
                text = _LEFT_OF_A_PLAY.get(word, f"`{word}` has no counterpart")
                self._remark(shown, play, title, text, key=word)
        for handler in as_list(play.get("handlers")):
            if isinstance(handler, LocatedDict):
                text = "handlers are left out: write a step for it, with `when` on what it depends on"
                self._remark(shown, handler, str(handler.get("name") or "handler"), text)
        around = Around().within({word: value for word, value in play.items() if word != "vars"})
        serial, percentage = play.get("serial"), play.get("max_fail_percentage")
        if serial is not None:
            text = "`serial` took a batch of hosts through the whole play; here each step has its batches"
            self._remark(shown, play, title, text, key="serial")
        where = Where(shown, hosts, number, whole=True)
        found: list[Task] = []
        for name in LISTS:
            if name == "tasks":
                found += self._tasks.roles(play, around, where)
            found += self._tasks.tasks(play.get(name), around, where)
        self._read.tasks += [replace(task, serial=serial, max_fail_percentage=percentage) for task in found]
        if len(found) > 1 and hosts not in _ONE_HOST and play.get("any_errors_fatal") is not True:
            self._remark(shown, play, title, _ANOTHER_END, key="hosts")

    def _variable_files(self, play: LocatedDict, shown: str) -> dict[str, object]:
        found, left = read_variables(play.get("vars_files"), self._folder, self._limits)
        for name in left:
            text = f"vars_files: {name} is left out: put it into group_vars/ of the inventory"
            self._remark(shown, play, f"play {play.get('name') or play['hosts']}", text, key="vars_files")
        return found

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
