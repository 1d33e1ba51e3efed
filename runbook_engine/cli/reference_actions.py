"""The reference page of the actions, built-in and of the shipped plugins, from their classes."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from runbook_engine.app.list_actions import ActionView, ParameterView

_HEAD = """\
# Actions

What a step can do. Written from the actions themselves; `runbook actions NAME` shows the same, your plugins' included.
Those of a plugin are there where the project has that plugin: see [Atlassian](../how-to/atlassian.md).

Each action has a check that only looks. A *change* has an apply besides; a *verify* is satisfied or fails; a *gate* is
waited for. "In doubt" says how an attempt whose end nobody recorded is settled: `check` (looking tells), `token` (the
same attempt may be made again), `once` (a person decides).

The fields of a mapping are listed below it: `smtp.host` is `host` within `smtp`, `records[].values` is `values` in each
item of `records`, `tables.*.rows` is `rows` under each key of `tables`. They are required where that mapping is given.
"""


def actions_page(actions: Sequence[ActionView], plugins: Path) -> str:
    """Give the page: a list of all actions, then each with its parameters, outputs and an example.

    Args:
        plugins: the folder of the shipped plugins, whose actions are said to be theirs.
    """
    lines = [_HEAD, "| action | kind | what it does |", "|---|---|---|"]
    lines += [f"| [{found.name}](#{_anchor(found.name)}) | {found.kind} | {cell(found.summary)} |" for found in actions]
    for found in actions:
        lines += ["", *_section(found, plugins)]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Write text so that it stays within a table's cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _section(found: ActionView, plugins: Path) -> Iterator[str]:
    yield f"## {found.name}"
    yield ""
    yield found.summary
    if found.description:
        yield ""
        yield "\n\n".join(_paragraphs(found.description))
    yield ""
    facts = [f"Kind: {found.kind}", f"in doubt: `{found.effect}`"]
    if found.kind == "change":
        facts.append(f"can be undone: {undone(found)}")
    if found.duration:
        facts.append(f"takes {found.duration}")
    if Path(found.origin).is_relative_to(plugins):
        facts.append(f"from the plugin `{Path(found.origin).relative_to(plugins.parent)}`")
    yield " · ".join(facts)
    if found.aws_reads or found.aws_writes:
        yield ""
        writes = (*found.aws_writes, *found.aws_permissions)
        yield f"AWS operations: to check {_names(found.aws_reads)}; to apply, besides: {_names(writes)}"
    for title, fields in (("parameter", found.params), ("output", found.outputs)):
        if fields:
            yield ""
            yield from _fields(title, fields)
    if found.example:
        yield ""
        yield f"```yaml\n{found.example.rstrip()}\n```"


def undone(found: ActionView) -> str:
    """Say whether what the action does can be undone."""
    return "yes" if found.reverts else "by running it with other parameters" if found.reversible else "no"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _paragraphs(text: str) -> Iterator[str]:
    """Start a new paragraph at each line that begins with a word and a colon, as `check:` and `apply:` do."""
    paragraph: list[str] = []
    for line in text.splitlines():
        begins = line.partition(":")[0] in {"check", "apply", "revert"} and ":" in line
        if paragraph and (begins or not line.strip()):
            yield "\n".join(paragraph)
            paragraph = []
        if line.strip():
            paragraph.append(line)
    if paragraph:
        yield "\n".join(paragraph)


def _fields(title: str, fields: tuple[ParameterView, ...]) -> Iterator[str]:
    if title == "output":
        yield "| output | type | meaning |"
        yield "|---|---|---|"
        for field in fields:
            yield f"| `{field.name}` | {cell(field.type)} | {cell(field.description)} |"
        return
    yield "| parameter | type | default | meaning |"
    yield "|---|---|---|---|"
    for field in fields:
        default = "required" if field.required else "" if field.default is None else f"`{json.dumps(field.default)}`"
        yield f"| `{field.name}` | {cell(field.type)} | {cell(default)} | {cell(field.description)} |"


def _anchor(name: str) -> str:
    """Give the anchor that Markdown renderers make of a heading."""
    return name.replace(".", "")
