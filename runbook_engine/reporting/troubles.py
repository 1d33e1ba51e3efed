"""What did not end well, told in few lines: tasks with the same reason stand together, failures first."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from runbook_engine.model.names import step_of
from runbook_engine.model.report_tasks import Trouble
from runbook_engine.reporting.inert import one_line

_WORST_FIRST = ("failed", "unreachable", "in doubt", "in-doubt", "held", "drifted", "unproven", "blocked")
_MOST_REASONS = 5  # of one step; with more of them only their first lines are compared
_FOLD_ABOVE = 3  # tasks with the same reason; fewer are told one by one
_WORD = re.compile(r"[\w.:-]+")
_INDENT = " " * 15

Standing = tuple[str, str, str]


def group_troubles(standings: Iterable[Standing]) -> tuple[Trouble, ...]:
    """Put tasks of one step with the same reason together; the target's own name in it makes no difference.

    Up to three tasks are not worth a group, and stand alone.

    Args:
        standings: task id, state and reason of each task that did not end well.
    """
    by_step: dict[tuple[str, str], dict[str, list[Standing]]] = {}
    for standing in standings:
        task, state, reason = standing
        groups = by_step.setdefault((state, step_of(task)), {})
        groups.setdefault(_without_name(reason, _target(task)), []).append(standing)
    found: list[Trouble] = []
    for (state, step), groups in sorted(by_step.items(), key=lambda item: _rank(item[0][0])):
        for reason, members in sorted(_coarser(groups).items(), key=lambda item: -len(item[1])):
            if len(members) > _FOLD_ABOVE:
                found.append(_trouble(state, step, reason, [task for task, _, _ in members]))
            else:
                found += [_trouble(state, step, own, [task]) for task, _, own in members]
    return tuple(found)


def trouble_lines(troubles: Sequence[Trouble], *, most: int = 0, names: int = 0, width: int = 100) -> Iterator[str]:
    """Give lines for a terminal: a line for each task, and where many share a reason, one with the hosts below it.

    Args:
        most: greatest number of tasks or groups to tell; 0 for any. Says how many tasks were left out.
        names: greatest number of hosts to name in a group; 0 for all.
        width: columns to fill with names.
    """
    shown = troubles[:most] if most else troubles
    for trouble in shown:
        if len(trouble.tasks) == 1:
            told = f"{one_line(trouble.tasks[0])}  {one_line(trouble.reason, limit=200)}"
            yield f"  {trouble.state:<12} {told}".rstrip()
        else:
            yield from _group_lines(trouble, names, width)
    if left := sum(len(trouble.tasks) for trouble in troubles[len(shown) :]):
        yield f"  … and {left} more"


def hosts_in_words(hosts: Sequence[str], most: int) -> str:
    """Name hosts, as many as `most` (0 for all), and count the rest."""
    shown = list(hosts[:most] if most else hosts)
    more = f" and {len(hosts) - len(shown)} more" if len(hosts) > len(shown) else ""
    return " ".join(one_line(host) for host in shown) + more


def _group_lines(trouble: Trouble, names: int, width: int) -> Iterator[str]:
    count = f"{len(trouble.targets)} host{'s' if len(trouble.targets) > 1 else ''}"
    if len(trouble.tasks) > len(trouble.targets):
        count += f" ({len(trouble.tasks)} tasks)"
    told = f"{one_line(trouble.step)} on {count}: {one_line(trouble.reason, limit=160)}"
    yield f"  {trouble.state:<12} {told}".rstrip(": ")
    if trouble.state == "blocked" and names:
        return  # a host is blocked by what is told above
    yield from textwrap.wrap(
        hosts_in_words(trouble.targets, names),
        max(width, 60),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _coarser(groups: dict[str, list[Standing]]) -> dict[str, list[Standing]]:
    """Compare first lines only, where there would be too many reasons (output with times or numbers in it)."""
    if len(groups) <= _MOST_REASONS:
        return groups
    coarse: dict[str, list[Standing]] = {}
    for reason, members in groups.items():
        coarse.setdefault(reason.partition("\n")[0], []).extend(members)
    return coarse


def _trouble(state: str, step: str, reason: str, tasks: Sequence[str]) -> Trouble:
    targets = tuple(dict.fromkeys(_target(task) for task in tasks))
    return Trouble(state=state, step=step, reason=reason, tasks=tuple(tasks), targets=targets)


def _rank(state: str) -> int:
    return _WORST_FIRST.index(state) if state in _WORST_FIRST else len(_WORST_FIRST)


def _target(task: str) -> str:
    return task.partition("@")[2]


def _without_name(reason: str, target: str) -> str:
    """Put HOST in the place of a target's name where it stands as a word of its own."""
    return _WORD.sub(lambda word: _replaced(word[0], target), reason) if target and target in reason else reason


def _replaced(word: str, name: str) -> str:
    """Replace a name that is the word, or stands in it before a colon, or before a dot or dash at its end."""
    rest = word.removeprefix(name)
    return "HOST" + rest if rest != word and (rest[:1] == ":" or not rest.strip(".-")) else word
