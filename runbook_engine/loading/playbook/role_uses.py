"""A role as a play or a task names it: which files of it, with which variables, under which conditions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from runbook_engine.loading.nesting import plain
from runbook_engine.loading.playbook.keywords import KEYWORDS
from runbook_engine.loading.playbook.parts import Around, RoleUse, as_list, as_mapping, as_words
from runbook_engine.loading.playbook.remarks import CannotConvertError
from runbook_engine.loading.playbook.roles import FoundRole, Roles

ROLE_TASKS = frozenset({"import_role", "include_role"})
_ENTRY_WORDS = frozenset(
    {"name", "role", "vars", "when", "tags", "become", "become_user", "become_method", "become_flags", "become_exe"}
    | {"environment", "ignore_errors", "no_log", "run_once", "throttle", "timeout", "check_mode", "diff", "connection"}
    | {"port", "remote_user", "module_defaults", "ignore_unreachable"}
)
_ENTRY_REFUSED = ("delegate_to", "delegate_facts", "any_errors_fatal", "collections", "debugger")
_FILES = {"tasks_from": "tasks", "vars_from": "vars", "defaults_from": "defaults"}
_ARGUMENTS = frozenset({"name", "role", "rolespec_validate", *_FILES})
_OF_AN_INCLUDE = frozenset({"name", "when", "vars", "tags"})


@dataclass(frozen=True, slots=True)
class Named:
    """What stands where a role is named.

    Attributes:
        title: for people.
        around: what holds for the role's tasks.
        found: the role; None when it was not found, or not read.
        refusal: why its tasks are not taken over one by one; empty when they are.
        public: whether other tasks of the play know its variables.
    """

    title: str
    around: Around
    found: FoundRole | None
    refusal: str
    public: bool = True


def of_play(entry: object, around: Around, roles: Roles, before: list[object]) -> Named | None:
    """Read an entry of a play's `roles`; None for one that Ansible has run already (`before` are those ahead of it)."""
    words = as_mapping(entry) if isinstance(entry, dict) else {"role": entry}
    name = words.get("role") or words.get("name")
    params = {word: value for word, value in words.items() if word not in _ENTRY_WORDS and word not in _ENTRY_REFUSED}
    kept = {word: value for word, value in words.items() if word in _ENTRY_WORDS and word not in {"name", "role"}}
    inside = around.within(kept, params=params)
    found, refusal = _find(roles, name, {})
    if found is not None and not found.repeatable and plain_entry(entry) in map(plain_entry, before):
        return None
    refused = [word for word in _ENTRY_REFUSED if word in words]
    if refused:
        refusal = f"`{refused[0]}` of a role has no counterpart"
    return Named(f"Role {name}", inside, found, refusal)


def of_task(words: Mapping[str, object], around: Around, roles: Roles) -> Named:
    """Read a task that imports or includes a role."""
    word = next(iter(ROLE_TASKS & words.keys()))
    given = words[word]
    args = as_mapping(given)
    name = args.get("name") or args.get("role")
    files = {kind: str(args[each]) for each, kind in _FILES.items() if each in args}
    found, refusal = _find(roles, name, files)
    kept = {key: value for key, value in words.items() if key in KEYWORDS}
    lost = found.lost if found is not None else frozenset[str]()
    return Named(
        str(words.get("name") or f"Role {name}"),
        around.within(_passed_on(kept, word), params=as_mapping(kept.get("vars") if word == "include_role" else None)),
        found,
        _refused(kept, args, given, word, lost) or refusal,
        public=word == "import_role",
    )


def plain_entry(entry: object) -> object:
    """Give what Ansible compares to know whether it has run a role."""
    words = plain(entry) if isinstance(entry, dict) else {"role": entry}
    words = cast("dict[str, object]", words)
    name = words.get("role") or words.get("name")
    rest = {word: value for word, value in words.items() if word not in {"role", "name"}}
    return name, json.dumps(
        {**rest, "tags": as_words(rest.get("tags")), "when": as_list(rest.get("when"))}, sort_keys=True, default=str
    )


def use_of(
    named: Named, *, number: int, play: int, file: str, line: int, entry: Mapping[str, object] | None
) -> RoleUse:
    """Give the use of a role that is named somewhere."""
    found = named.found
    if found is None:
        return RoleUse(number, named.title, play, file, line, entry, refusal=named.refusal, public=False)
    return RoleUse(
        number,
        named.title,
        play,
        file,
        line,
        entry,
        folder=found.folder,
        path=None if found.path is None else str(found.path),
        refusal=named.refusal,
        defaults=found.defaults,
        variables=found.variables,
        public=named.public,
        lost=found.lost,
    )


def _find(roles: Roles, name: object, files: Mapping[str, str]) -> tuple[FoundRole | None, str]:
    try:
        found = roles.find(name, files)
    except CannotConvertError as error:
        return None, str(error)
    return found, found.refusal


def _passed_on(words: Mapping[str, object], word: str) -> dict[str, object]:
    """Give what of the task's words holds for the role's tasks, too: all of an import's, little of an include's."""
    passed = {"when", "vars"} if word == "include_role" else words.keys() - {"name", "args"}
    return {key: value for key, value in words.items() if key in passed}


def _refused(
    words: Mapping[str, object], args: Mapping[str, object], given: object, word: str, lost: frozenset[str]
) -> str:
    if not isinstance(given, dict) or "args" in words:
        return f"`{word}` has no mapping of arguments"
    if other := sorted(args.keys() - _ARGUMENTS):
        return f"`{other[0]}` of `{word}` has no counterpart"
    if word == "include_role" and (other := sorted(words.keys() - _OF_AN_INCLUDE)):
        return f"`{other[0]}` of `{word}` has no counterpart"
    if other := sorted(
        each for each in words if each in {"loop", "register", "delegate_to", "until"} or "with_" in each
    ):
        return f"`{other[0]}` of `{word}` has no counterpart"
    # What an include depends on is asked once, before all of its tasks.
    text = json.dumps(as_list(words.get("when")), default=str)
    if word == "include_role" and (changed := sorted(name for name in lost if re.search(rf"\b{name}\b", text))):
        return f"it depends on {changed[0]}, which its own tasks register or set"
    return ""
