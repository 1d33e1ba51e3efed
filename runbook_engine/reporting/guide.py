"""A guide as values, and as Markdown and HTML: what a person does who has no engine, in which order."""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from runbook_engine.model.base import Frozen


class Fact(NamedTuple):
    """A name and what there is to know of it."""

    name: str
    text: str


class GuideStep(Frozen):
    """One step as a person does it.

    Attributes:
        where: pattern of the hosts; empty for the machine that one works from.
        summary: what the step's action does, in a sentence.
        unless: a command that succeeds when the step is done already.
        only_if: a command that fails when the step is not needed.
        facts: the action's other parameters.
        content: of the project's file that is copied or filled in.
        after: ids of the steps that must have ended well.
        revert: what takes it back.
    """

    id: str
    name: str
    where: str = ""
    action: str
    summary: str = ""
    unless: str = ""
    only_if: str = ""
    command: str = ""
    instructions: str = ""
    facts: tuple[Fact, ...] = ()
    content: str = ""
    after: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    revert: str = ""


class Guide(Frozen):
    """A runbook as a guide for people.

    Attributes:
        variables: names of the values of their own that the reader has to know.
        secrets: references of the secrets that stand in so many words; never a value.
        owed: who has to be told, a sentence each.
    """

    name: str
    title: str
    description: str = ""
    owner: str = ""
    policy: tuple[str, ...] = ()
    inputs: tuple[Fact, ...] = ()
    variables: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()
    steps: tuple[GuideStep, ...] = ()


_LIMITS = (
    "This guide is made from the runbook's file and knows nothing of your servers: whether your backups are "
    "there, whether the steps were tried on them, or how long they take, it can't say. Try it before you need it."
)
_MARKS = "«…» stands for a value of your own. Passwords are never written here: take them from where you keep them."


def guide_markdown(guide: Guide) -> str:
    """Give the guide as Markdown."""
    lines = [f"# {_flat(guide.title)}", ""]
    for kind, text in _blocks(guide):
        if kind == "code":
            fence = "`" * max(3, _longest_run(text) + 1)
            lines += [fence + "sh", text.rstrip(), fence, ""]
        elif kind == "item":
            lines.append(f"- {_flat(text)}")
        else:
            if lines[-1].startswith("- "):
                lines.append("")
            lines += [f"{_HEADS.get(kind, '')}{_flat(text)}", ""]
    return "\n".join(lines).rstrip() + "\n"


def guide_html(guide: Guide) -> str:
    """Give the guide as one HTML page without anything from elsewhere."""
    parts = [f"<h1>{html.escape(guide.title)}</h1>"]
    is_list = False
    for kind, text in _blocks(guide):
        if (kind == "item") != is_list:
            parts.append("<ul>" if kind == "item" else "</ul>")
            is_list = kind == "item"
        said = html.escape(text)
        parts.append(f"<pre>{said}</pre>" if kind == "code" else f"<{_TAGS[kind]}>{said}</{_TAGS[kind]}>")
    parts.append("</ul>" if is_list else "")
    body = "\n".join(filter(None, parts))
    title = html.escape(guide.title)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n'
    )


_ID = re.compile(r"\bstep ([a-z][a-z0-9/-]*)")
_HEADS = {"head": "## ", "step": "### "}
_TAGS = {"head": "h2", "step": "h3", "text": "p", "item": "li"}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "pre{background:#f3f3f3;padding:.7rem;overflow-x:auto;white-space:pre-wrap}h3{margin-top:2rem}"
    "@media print{h3{break-after:avoid}pre{break-inside:avoid}}"
)


def _blocks(guide: Guide) -> Iterator[tuple[str, str]]:
    if guide.description:
        yield "text", guide.description
    yield "text", _LIMITS
    yield "head", "Before you begin"
    if guide.owner:
        yield "text", f"Who answers for it: {guide.owner}."
    yield "text", _MARKS
    for name in guide.variables:
        yield "item", f"«{name}»: know its value."
    for reference in guide.secrets:
        yield "item", f"the secret {reference}: have it at hand."
    if guide.inputs:
        yield "text", "Decide:"
    for fact in guide.inputs:
        yield "item", f"«{fact.name}»: {fact.text}"
    yield "head", "The steps"
    numbers = {step.id: number for number, step in enumerate(guide.steps, 1)}
    for step in guide.steps:
        yield from ((kind, _numbered(text, numbers)) for kind, text in _step_blocks(step, numbers))
    if guide.owed:
        yield "head", "Meanwhile"
    for sentence in guide.owed:
        yield "text", _numbered(sentence, numbers)
    yield "head", "With the engine"
    yield "text", "The same steps, with what was done already left out, and a record of all of it:"
    given = "".join(f" -e {fact.name}=…" for fact in guide.inputs if "(required)" in fact.text)
    yield (
        "code",
        f"runbook run {guide.name} -i INVENTORY{given} --dry-run\nrunbook run {guide.name} -i INVENTORY{given}",
    )


def _step_blocks(step: GuideStep, numbers: dict[str, int]) -> Iterator[tuple[str, str]]:
    yield "step", f"{numbers[step.id]}. {step.name}"
    yield "text", f"On each host of {step.where}." if step.where else "From the machine that you work on."
    if step.instructions:
        yield "text", step.instructions
    yield from _command_blocks(step)
    if not step.command and not step.instructions:
        yield "text", f"{step.summary} ({step.action}, with:)" if step.facts else f"{step.summary} ({step.action})"
    for fact in step.facts:
        yield "item", f"{fact.name}: {fact.text}"
    if step.content:
        yield "text", "What stands in it:"
        yield "code", step.content
    after = [str(numbers[name]) for name in step.after if name in numbers]
    if after:
        yield "text", f"Not before step {' and '.join(after)} ended well."
    for note in step.notes:
        yield "text", note
    if step.revert:
        yield "text", f"To take it back: {step.revert}."


def _numbered(text: str, numbers: dict[str, int]) -> str:
    """Call steps by their numbers, which readers see, and not by their ids."""
    return _ID.sub(lambda found: f"step {numbers[found[1]]}" if found[1] in numbers else found[0], text)


def _command_blocks(step: GuideStep) -> Iterator[tuple[str, str]]:
    if step.unless:
        yield "text", "It is done already when this succeeds:"
        yield "code", step.unless
    if step.only_if:
        yield "text", "It is needed only when this succeeds:"
        yield "code", step.only_if
    if step.command:
        yield "text", "Otherwise:" if step.unless or step.only_if else "Run:"
        yield "code", step.command


def _flat(text: str) -> str:
    """Keep a text on its line, and what would be Markdown in it from being that."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_<>[]|" else letter for letter in flat)


def _longest_run(text: str) -> int:
    return max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
