"""Writes what was measured as Markdown tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from measure import Usage, medians


@dataclass(frozen=True, slots=True)
class Section:
    """A part's table, and what has to be said about it."""

    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    judged: Sequence["Judged"] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A target and what was measured; `good` is None for what is only told."""

    target: str
    measured: str
    good: bool | None


def usage_rows(results: dict[str, list[Usage]], base: str) -> list[list[str]]:
    """Give a row for each contender: medians, spread, and ratios to one of them."""
    floor = medians(results[base])
    rows = []
    for name, usages in results.items():
        middle = medians(usages)
        rows.append(
            [
                name,
                _seconds(middle.wall),
                f"{_seconds(middle.least)} to {_seconds(middle.greatest)}",
                f"{middle.wall / floor.wall:.2f}",
                _seconds(middle.cpu),
                f"{middle.cpu / floor.cpu:.2f}",
                f"{middle.memory:.0f}",
                str(middle.count),
            ]
        )
    return rows


def usage_head(base: str) -> list[str]:
    """Give the head that goes with `usage_rows`."""
    return ["", "wall s", "least to greatest", f"wall ÷ {base}", "CPU s", f"CPU ÷ {base}", "memory MB", "runs"]


def at_most(target: str, value: float, limit: float, unit: str = "") -> Judged:
    """Judge a value that shall be no greater than a limit."""
    return Judged(f"{target} ≤ {limit:g}{unit}", f"{value:.4g}{unit}", value <= limit)


def at_least(target: str, value: float, limit: float, unit: str = "") -> Judged:
    """Judge a value that shall be no smaller than a limit."""
    return Judged(f"{target} ≥ {limit:g}{unit}", f"{value:.4g}{unit}", value >= limit)


def markdown(facts: Sequence[tuple[str, str]], sections: Sequence[Section], when: str) -> str:
    """Give the whole page."""
    judged = [item for section in sections for item in section.judged]
    parts = [
        "# Measured speed",
        f"Written by `make bench` on {when}. {HOW}",
        "## Targets",
        _table(["target", "measured", ""], [[item.target, item.measured, _WORDS[item.good]] for item in judged]),
        "## Machine",
        _table(["", ""], facts),
    ]
    for section in sections:
        parts += [f"## {section.title}", section.text, _table(section.head, section.rows)]
    return "\n\n".join(parts) + "\n"


def merged(page: str, sections: Sequence[Section], note: str) -> str:
    """Put sections that were measured by themselves in the place of the page's own; all else stays as it is.

    Args:
        note: when and how they were measured; it goes with each.
    """
    rows = {f"| {item.target} |": f"| {item.target} | {item.measured} | {_WORDS[item.good]} |"
            for section in sections for item in section.judged}  # fmt: skip
    lines = page.splitlines()
    for at, line in enumerate(lines):
        found = next((start for start in rows if line.startswith(start)), None)
        if found is not None:
            lines[at] = rows.pop(found)
    head = lines.index("## Targets")
    end = next(at for at in range(head + 2, len(lines)) if not lines[at].startswith("|"))
    blocks = "\n".join([*lines[:end], *rows.values(), *lines[end:]]).strip().split("\n\n## ")
    for section in sections:
        block = f"{section.title}\n\n{section.text} {note}\n\n{_table(section.head, section.rows)}"
        old = [at for at, one in enumerate(blocks) if one.partition("\n")[0] == section.title]
        blocks[old[0] if old else len(blocks) : old[0] + 1 if old else len(blocks)] = [block]
    return "\n\n## ".join(blocks) + "\n"


def plain(sections: Sequence[Section], *, judged: bool) -> str:
    """Give the sections alone, for the terminal; little work can't be judged by what was meant for much."""
    parts: list[str] = []
    for section in sections:
        parts += [section.title, _table(section.head, section.rows)]
        if judged:
            parts += [f"{item.target}: {item.measured} {_WORDS[item.good]}" for item in section.judged]
    return "\n".join(parts)


HOW = """\
Peers and product take turns, so that a slow minute of the machine hits all of them; tables give medians, and the
least and greatest wall time beside them. Each time is that of a whole process, start-up included, from its start to
its end; CPU is user and system time of the process and of the children it waited for (the hosts' own work, which is the
same for all, is not in it). Everybody's bytecode is kept, and each has worked once, uncounted, before it is
measured. Memory is the greatest resident set of the process; for Ansible, which works in many
processes, the greatest sum over all of them, sampled once a second, a page shared by n processes counting 1/n. It is
never less than the 20 to 30 MB of the program that measures. Every run is checked: a command adds a byte to a file of
the address it ran on, and a run that left another number of bytes than one per command fails the whole benchmark. The
hosts share the machine with whoever works on them, and so compete with it for the cores: read ratios, not seconds, and
no ratio to more than its spread."""

_WORDS = {True: "reached", False: "**missed**", None: ""}


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
