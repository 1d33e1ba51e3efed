"""The parts of a playbook: tasks, each with what its play, its blocks and its role say for all of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.loading.playbook.remarks import Remark
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.located import SourceMap

PREFIXES = ("ansible.builtin.", "ansible.legacy.")
LISTS = ("pre_tasks", "tasks", "post_tasks")
_INHERITED = (
    *("become", "become_user", "environment", "ignore_errors", "no_log", "throttle", "timeout", "run_once"),
    *("check_mode", "connection", "remote_user", "user", "port", "become_method", "become_flags", "become_exe"),
    *("module_defaults", "ignore_unreachable"),
)


@dataclass(frozen=True, slots=True)
class Around:
    """What plays and blocks say for the tasks in them: `when` adds up, the innermost of the others wins.

    Attributes:
        params: variables that overrule the tasks' own: those of an include, and what a role is given besides keywords.
    """

    when: tuple[object, ...] = ()
    words: dict[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    always: bool = False

    def _environment(self, node: Mapping[str, object]) -> dict[str, object]:
        """Give the environment of what is inside: that of the outside, and what is said here besides."""
        own, around = node.get("environment"), self.words.get("environment")
        return {"environment": {**around, **own}} if isinstance(own, dict) and isinstance(around, dict) else {}

    def within(
        self, node: Mapping[str, object], *, always: bool = False, params: Mapping[str, object] | None = None
    ) -> "Around":
        """Give what holds inside a play, a block, a role or an include; the two latter with their `params`."""
        return Around(
            when=(*self.when, *as_list(node.get("when"))),
            words={
                **self.words,
                **{word: node[word] for word in _INHERITED if word in node},
                **self._environment(node),
            },
            variables={**self.variables, **as_mapping(node.get("vars"))},
            params={**self.params, **(params or {})},
            tags=tuple(dict.fromkeys((*self.tags, *as_words(node.get("tags"))))),
            always=self.always or always,
        )


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role where a play names it.

    Attributes:
        number: of all uses of roles in the playbook, from 0.
        name: as the play says it.
        play: number of the play, from 0.
        file, line: where it is named.
        entry: what a play of this role alone has in place of the play's own lists; None where that can't be told, as
            inside a block.
        folder: where the role is; None when it was not found, or is not read.
        path: where Ansible has to look for it, when that is not beside the playbook.
        refusal: why its tasks are not taken over one by one; empty when they are.
        defaults: what its variables are when the inventory says nothing else.
        variables: what they are in any case, but for those of its tasks.
        public: whether the other tasks of the play know `defaults` and `variables`.
        lost: names that its tasks register or set.
        remarks: what its files have besides tasks, and what can't be read of them.
    """

    number: int
    name: str
    play: int
    file: str
    line: int
    entry: Mapping[str, object] | None = None
    folder: Path | None = None
    path: str | None = None
    refusal: str = ""
    defaults: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    public: bool = True
    lost: frozenset[str] = frozenset()
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a playbook.

    Attributes:
        file, line: where it stands.
        words: its keys and values, the module's among them.
        hosts: pattern of the play.
        play: number of the play, from 0.
        serial, max_fail_percentage: of the play.
        role: the use of a role that it belongs to, or stands for.
        folders: where its files are looked for, besides the playbook's folder; the role's first.
    """

    file: str
    line: int
    words: Mapping[str, object]
    hosts: str
    play: int
    around: Around
    serial: object = None
    max_fail_percentage: object = None
    role: RoleUse | None = None
    folders: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """What people call it; empty when it has no name."""
        return str(self.words.get("name") or "").strip()


@dataclass(slots=True)
class Playbook:
    """What was read.

    Attributes:
        folder: where the playbook lies.
        root: the project's folder, from which a step names its files; None when there is none.
        variables: of each play, by its number.
        plays: each play as it stands, without its lists of tasks and roles, by its number; None for one that can't be
            written anew.
        roles: each use of a role.
        tagged: whether its file has values that can't be written as they stand there (`!vault`, `!unsafe`).
    """

    name: str = ""
    tasks: list[Task] = field(default_factory=list)
    folder: Path = Path()
    root: Path | None = None
    variables: list[Mapping[str, object]] = field(default_factory=list)
    plays: list[Mapping[str, object] | None] = field(default_factory=list)
    roles: list[RoleUse] = field(default_factory=list)
    tagged: bool = False
    remarks: list[Remark] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, SourceMap] = field(default_factory=dict)


def short(word: str) -> str:
    """Give a module's name without the prefix of those that come with Ansible."""
    return next((word.removeprefix(prefix) for prefix in PREFIXES if word.startswith(prefix)), word)


def as_list(value: object) -> list[object]:
    """Give a list of what may be one thing or many; nothing for None."""
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def as_words(value: object) -> list[str]:
    """Give a list of texts of what may be a list, or a text with commas."""
    return [word.strip() for item in as_list(value) for word in str(item).split(",") if word.strip()]


def as_mapping(value: object) -> dict[str, object]:
    """Give a mapping; an empty one for what is none."""
    return dict(value) if isinstance(value, dict) else {}
