"""Reads INI inventories: sections of hosts, of `:children`, of `:vars`."""

import re
import shlex
from dataclasses import dataclass, field

from runbook_engine.loading.inventory.checks import check_group_name
from runbook_engine.loading.inventory.draft import UNGROUPED, Draft
from runbook_engine.loading.inventory.findings import Place
from runbook_engine.loading.inventory.literals import read_literal
from runbook_engine.loading.inventory.ranges import expand_host
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import did_you_mean, quoted

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP_LINE = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_SIMPLE_WORDS = re.compile(r"""(?:[ \t]*(?:[^\s"'\\#]|"[^"\\]*"|'[^']*')++)++""")
_SIMPLE_WORD = re.compile(r"""(?:[^ \t"']|"[^"]*"|'[^']*')++""")
_QUOTES = re.compile(r"""("|').*?\1""")
# What shows another text than it is, or begins a new line where no editor shows one.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\r(?!\n)")
# Finding similar names takes time by the number of groups; with more mistakes than this nobody reads suggestions.
_MOST_SUGGESTIONS, _MOST_COMPARED = 5, 10_000
_HOST_LINE = "write a host's name, and name=value behind it"
_KINDS = ("hosts", "children", "vars")


@dataclass(slots=True)
class _Awaited:
    """A group that was mentioned before it was declared: by its variables, or as the child of others."""

    place: Place
    parents: dict[str, Place] = field(default_factory=dict)


def read_ini(text: str, file: str, draft: Draft) -> None:
    """Read one INI source into the draft; what is wrong with it goes to the draft's findings.

    Args:
        text: the file's contents.
        file: its name as findings show it.
    """
    if unsafe := _UNSAFE.search(text):
        start = unsafe.start()
        place = Place(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
        draft.findings.add("RB306", place, f"the file has the control character {unsafe[0]!r}", "remove it")
        return
    group, kind = UNGROUPED, "hosts"
    awaited: dict[str, _Awaited] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in ";#":
            continue
        place = Place(file, number, len(raw) - len(raw.lstrip()) + 1)
        if line[0] == "[" and (section := _SECTION.fullmatch(line)):
            group, kind = section[1], section[2] or "hosts"
            _open_section(group, kind, place, draft, awaited)
        elif line[0] == "[" and line[-1] == "]":
            kind = ""
            draft.findings.add(
                "RB306", place, f"{quoted(line)} is not a section", "write [group], [group:children] or [group:vars]"
            )
        elif kind == "hosts":
            _read_host(line, group, place, draft)
        elif kind == "vars":
            _read_variable(line, group, place, draft)
        elif kind == "children":
            _read_child(line, group, place, draft, awaited)
    suggestions = _MOST_SUGGESTIONS if len(draft.groups) <= _MOST_COMPARED else 0
    for count, (name, wait) in enumerate(awaited.items()):
        _say_undefined(name, wait, draft, suggest=count < suggestions)


def _open_section(group: str, kind: str, place: Place, draft: Draft, awaited: dict[str, _Awaited]) -> None:
    if kind not in _KINDS:
        draft.findings.add(
            "RB306",
            place,
            f"section kind {quoted(kind)} is unknown",
            lambda: did_you_mean(kind, _KINDS) or "write [group], [group:children] or [group:vars]",
        )
    check_group_name(group, place, draft.findings)
    if group not in draft.groups:
        if kind == "vars":
            awaited.setdefault(group, _Awaited(place))
        draft.add_group(group)
    if kind != "vars" and (wait := awaited.pop(group, None)):
        for parent, line in wait.parents.items():
            draft.add_child(parent, group, line)


def _read_host(line: str, group: str, place: Place, draft: Draft) -> None:
    try:
        words = _words(line)
        variables = dict(_assignment(word) for word in words[1:])
    except ValueError as error:
        draft.findings.add("RB306", place, f"can't read host line: {error}", _HOST_LINE)
        return
    try:
        names, port = expand_host(words[0], has_room=lambda count: draft.has_room(count, place))
    except ValueError as error:
        draft.findings.add("RB310", place, f"can't read host {quoted(words[0])}: {error}", _HOST_LINE)
        return
    for name in names:
        if draft.add_host(name, group, port, place):
            for key, value in variables.items():
                draft.set_variable(name, key, value, place)


def _words(line: str) -> list[str]:
    """Split a line at blanks; quotes, backslashes and comments as in a shell."""
    if _SIMPLE_WORDS.fullmatch(line):
        words = [_unquoted(word) for word in _SIMPLE_WORD.findall(line)]
    else:
        words = shlex.split(line, comments=True)
    if words[0] == "---":
        raise ValueError("'---' begins a YAML file, and this one is read as INI; name it .yml")
    return words


def _unquoted(word: str) -> str:
    if '"' not in word and "'" not in word:
        return word
    return _QUOTES.sub(lambda match: match[0][1:-1], word)


def _read_variable(line: str, group: str, place: Place, draft: Draft) -> None:
    try:
        key, value = _assignment("=".join(part.strip() for part in line.split("=", 1)))
    except ValueError as error:
        message = f"can't read variable of group {quoted(group)}: {error}"
        draft.findings.add("RB306", place, message, "write name=value")
        return
    draft.set_variable(group, key, value, place)


def _read_child(line: str, group: str, place: Place, draft: Draft, awaited: dict[str, _Awaited]) -> None:
    match = _GROUP_LINE.fullmatch(line)
    if match is None:
        draft.findings.add(
            "RB306", place, f"{quoted(line)} is not a group name", "a :children section has one group name a line"
        )
    elif match[1] in draft.groups:
        draft.add_child(group, match[1], place)
    else:
        awaited.setdefault(match[1], _Awaited(place)).parents.setdefault(group, place)


def _assignment(text: str) -> tuple[str, JsonValue]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ValueError(f"expected name=value, found {quoted(text)}")
    return name, read_literal(value)


def _say_undefined(name: str, wait: _Awaited, draft: Draft, *, suggest: bool) -> None:
    known = [group for group in draft.groups if group != name] if suggest else []
    hint = did_you_mean(name, known) or f"declare it with a line {quoted(f'[{name}]')}"
    if wait.parents:
        parents = ", ".join(quoted(parent) for parent in list(wait.parents)[:3])
        problem = f"group {quoted(name)}, a child of {parents}, is not defined"
    else:
        problem = f"section {quoted(f'[{name}:vars]')} has variables for a group that is not defined"
    draft.findings.add("RB307", wait.place, problem, hint)
