"""Chooses targets by Ansible's host patterns: unions, intersections, exclusions, globs, regexes, subscripts."""

import difflib
import fnmatch
import os
import re
import stat
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.regex import matching
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.host_address import split_port
from runbook_engine.model.inventory import LOCALHOST, Inventory

_LONGEST_PATTERN = 10_000
_LONGEST_REGEX = 200
_LONGEST_SUGGESTED = 100  # comparing takes time by the product of the lengths
_LARGEST_LIMIT_FILE = 16 * 1024 * 1024
_FAILED = re.compile(r"[&!]?@failed(?::([0-9]{8}(?:-[^\s:,]*)?))?")  # a run's id begins with its date
_PIECE = re.compile(rf"{_FAILED.pattern}(?![^\s:,])|(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]{1,9})|([0-9]{1,9})[:-]([0-9]{0,9}))\]")


class TargetPatternError(InvalidInputError):
    """A host pattern names something that is not in the inventory, or can't be read.

    Args:
        message: what is wrong.
        part: the part of the pattern that is to blame.
        hint: what to do about it.
    """

    def __init__(self, message: str, *, part: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.part = part


def choose_targets(
    inventory: Inventory, pattern: str, *, limit: str | Collection[str] | None = None
) -> tuple[str, ...]:
    r"""Give the names of the targets that a pattern stands for, in the order of the inventory's groups and hosts.

    Args:
        inventory: where the names come from; `localhost` exists although no source names it.
        pattern: as in a step's `targets`; `web:db`, `web,db`, `apps:&eu:!web3`, `web*`, `~web\d+`, `web[0:2]`.
        limit: a second pattern, or the names of targets; only what it chooses too is kept. `@file` in a pattern stands
            for the lines of the file. The implicit `localhost` is no target of the inventory, so a limit never takes it
            away.

    Raises:
        TargetPatternError: a plain name is neither a host nor a group (wherever in the pattern it stands), a subscript
            is out of range, a regex is wrong, or the limit's file can't be read.
    """
    chosen = _evaluate(inventory, _split(pattern))
    if limit is not None:
        kept = set(limited_to(inventory, limit, {}) if isinstance(limit, str) else limit)
        implicit = {LOCALHOST} - inventory.targets.keys()
        chosen = [name for name in chosen if name in kept or name in implicit]
    return tuple(dict.fromkeys(chosen))


def failed_parts(limit: str) -> dict[str, str | None]:
    """Find what in a limit means the hosts that failed in a run: each such part, and the run that it names.

    `@failed` names none (the newest is meant), `@failed:20261123-1015` the run whose id begins so.
    """
    found = {part: _FAILED.fullmatch(part) for part in _split(limit)}
    return {part.lstrip("&!"): match[1] for part, match in found.items() if match}


def limited_to(inventory: Inventory, limit: str, failed: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Give the names of the targets that a limit stands for.

    Args:
        failed: the targets behind each of `failed_parts`; without them they are read as names of files.

    Raises:
        TargetPatternError: as in `choose_targets`.
    """
    return tuple(dict.fromkeys(_evaluate(inventory, _limit_parts(limit, failed), failed)))


def _split(pattern: str) -> list[str]:
    """Split at commas if there are any, else at colons, which also stand in addresses and subscripts."""
    if len(pattern) > _LONGEST_PATTERN:
        raise TargetPatternError(f"the host pattern is longer than {_LONGEST_PATTERN} characters", part=pattern[:40])
    if "," in pattern:
        parts = pattern.split(",")
    elif split_port(pattern) is not None:
        parts = [pattern]
    else:
        parts = [piece[0] for piece in _PIECE.finditer(pattern)]
    parts = [part.strip() for part in parts if part.strip()]
    if not parts:
        raise TargetPatternError("the host pattern is empty", part=pattern, hint="write a group, a host, or all")
    return parts


def _limit_parts(limit: str, failed: Collection[str]) -> list[str]:
    """Split a limit, the lines of `@file` in the place of the file's name."""
    parts = _split(limit)
    return [line for part in parts for line in (_lines(part[1:]) if part[0] == "@" and part not in failed else [part])]


def _lines(path: str) -> list[str]:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="utf-8") as file:  # noqa: PTH123 # a pipe must not block
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unusable(path, "it is no regular file")
            text = file.read(_LARGEST_LIMIT_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _unusable(path, reason or "it can't be opened") from error
    if len(text) > _LARGEST_LIMIT_FILE:
        raise _unusable(path, f"it is larger than {_LARGEST_LIMIT_FILE >> 20} MiB")
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names:
        raise _unusable(path, "it names no host")
    if max(map(len, names)) > _LONGEST_PATTERN:
        raise _unusable(path, f"a line is longer than {_LONGEST_PATTERN} characters")
    return names


def _unusable(path: str, why: str) -> TargetPatternError:
    hint = "it is to be a file of UTF-8 text, with a host or a group in each line"
    return TargetPatternError(f"can't use limit file {path!r}: {why}", part=f"@{path}", hint=hint)


def _said(name: str) -> str:
    return repr(name if len(name) <= _LONGEST_SUGGESTED else f"{name[:_LONGEST_SUGGESTED]}…")


def _evaluate(
    inventory: Inventory, parts: Iterable[str], known: Mapping[str, Collection[str]] | None = None
) -> list[str]:
    """Add what stands alone, then keep what each `&` has too, then take away what each `!` has.

    Args:
        known: targets of parts that are no names.
    """
    parts = list(parts)

    def matches(part: str) -> Collection[str]:
        return known[part] if known and part in known else _matches(inventory, part)

    plain = [part for part in parts if part[0] not in "&!"] or ["all"]
    # A host goes before a group of the same name only where it stands alone, as Ansible has it.
    chosen = [name for part in plain for name in ([part] if part in inventory.targets else matches(part))]
    for part in parts:
        if part[0] == "&":
            kept = set(matches(part[1:]))
            chosen = [name for name in chosen if name in kept]
    for part in parts:
        if part[0] == "!":
            gone = set(matches(part[1:]))
            chosen = [name for name in chosen if name not in gone]
    return chosen


def _matches(inventory: Inventory, part: str) -> list[str]:
    """Give what one part stands for; a name may come twice, as subscripts count it twice."""
    if not part:
        raise TargetPatternError("'&' and '!' need a name behind them", part=part)
    match = _SUBSCRIPT.fullmatch(part) if part[0] != "~" else None
    name = match[1] if match else part
    found = _named(inventory, name)
    if match is None or not found:
        return found
    try:
        return _subscripted(found, match)
    except IndexError:
        raise TargetPatternError(
            f"{_said(part)} is out of range: {_said(name)} has {len(found)} targets",
            part=part,
            hint="subscripts count from 0",
        ) from None


def _named(inventory: Inventory, name: str) -> list[str]:
    """Give the hosts of all groups that match; hosts by their name too, if no group does or it is a glob or regex."""
    choose = _matcher(name)
    groups = choose(inventory.groups)
    found = [host for group in groups for host in inventory.members[group]]
    if not groups or name[0] == "~" or any(sign in name for sign in ".?*["):
        found += choose(inventory.targets)
    if not found and name == LOCALHOST:
        return [LOCALHOST]
    if not found and not groups and not _is_loose(name):
        raise TargetPatternError(f"{_said(name)} is neither a host nor a group", part=name, hint=_hint(inventory, name))
    return found


def _matcher(name: str) -> Callable[[Collection[str]], list[str]]:
    if name[0] != "~":
        glob = re.compile(fnmatch.translate(name))
        return lambda names: [one for one in names if glob.match(one)]
    if len(name) > _LONGEST_REGEX:
        raise TargetPatternError(f"a regex may have at most {_LONGEST_REGEX} characters", part=name)
    return lambda names: _by_regex(names, name)


def _by_regex(names: Collection[str], name: str) -> list[str]:
    try:
        with warnings.catch_warnings():
            # `[[` means something else in a later Python; a pattern means today what it meant to Ansible.
            warnings.simplefilter("ignore", FutureWarning)
            return matching(names, name[1:])
    except TemplateError as error:
        raise TargetPatternError(f"{_said(name)} can't be used: {error.message}", part=name, hint=error.hint) from error


def _is_loose(name: str) -> bool:
    """Tell whether a part is a glob or regex, which may match nothing; a plain name may not."""
    return name[0] == "~" or any(sign in name for sign in "*?[")


def _subscripted(found: list[str], match: re.Match[str]) -> list[str]:
    """Take one host by index, or a range whose both ends belong to it."""
    index, start, end = match[2], match[3], match[4]
    if index is not None:
        return [found[int(index)]]
    if not end:
        return found[int(start) :]
    return found[int(start) : int(end) + 1] if int(end) else [found[int(start)]]


def _hint(inventory: Inventory, name: str) -> str:
    known = [*inventory.groups, *inventory.targets] if len(name) <= _LONGEST_SUGGESTED else []
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    if ":" in name:
        return "separate names with ',' or with ':', not with both"
    return "look for the name in the inventory's files"
