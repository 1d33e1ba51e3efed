"""What one template's text refers to and what is wrong with it; parsed once, however often it is asked for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from jinja2 import nodes

from runbook_engine.expressions.compiled import is_template, locate, parse_checked
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.syntax import MAX_NODES

Path = tuple[str | int, ...]
_OWN_NAMES = frozenset({"loop", "range", "secret"})
# Texts of this length can't go beyond the bound on a template's parts, which holds for the text as a whole.
_CACHED_LENGTH = MAX_NODES
# One `{{ … }}` that ends where it seems to: without braces inside, its quotes closed, no escapes.
_PIECE = re.compile(r"""(?<!\{)(\{\{(?:[^{}'"\\]|'[^'{}\\]*'|"[^"{}\\]*")*\}\})""")
_STEP = re.compile(r"""(?<=steps\[)(['"])([a-z0-9](?:[a-z0-9/-]*[a-z0-9])?)(?=\1\])""")
_MARK = "\0"


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """Something wrong with a template, found without running it.

    Attributes:
        path: keys and indices that lead to the text.
        line, column: inside the text, from 1; column 0 when only the line is known.
    """

    path: Path
    message: str
    line: int = 1
    column: int = 0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be said of templates without running them.

    Attributes:
        references: ids of the steps that are referred to as `steps['x']` or `steps.x`.
        outputs: what is taken from these steps, as pairs of a step's id and the output's name.
        names: what is looked up in the scope.
        required: the names that must be defined: not merely asked for by `default` or `is defined`.
        secrets: references of `secret('…')`, in order; those that are computed can't be told.
    """

    references: frozenset[str] = frozenset()
    outputs: frozenset[tuple[str, str]] = frozenset()
    names: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()
    problems: tuple[TemplateProblem, ...] = ()


NOTHING = Facts()


def facts_of(text: str, *, bare: bool = False) -> Facts:
    """Give the facts of one text; with `bare` it is an expression without braces.

    A text that can't be parsed refers to nothing, and has a problem that says why.
    """
    if not bare and not is_template(text):
        return NOTHING
    return _facts_cached(text, bare) if len(text) <= _CACHED_LENGTH else _parsed(text, bare)


def together(parts: list[Facts]) -> Facts:
    """Join the facts of several texts."""
    if len(parts) <= 1:
        return parts[0] if parts else NOTHING
    return Facts(
        references=frozenset().union(*(part.references for part in parts)),
        outputs=frozenset().union(*(part.outputs for part in parts)),
        names=frozenset().union(*(part.names for part in parts)),
        required=frozenset().union(*(part.required for part in parts)),
        secrets=tuple(secret for part in parts for secret in part.secrets),
        problems=tuple(problem for part in parts for problem in part.problems),
    )


def _facts(text: str, bare: bool) -> Facts:
    """Put a text's facts together from those of its expressions, which repeat far more than whole texts do.

    To parse is what takes the time in a long runbook. Whatever is not plainly a sequence of expressions, or has
    a problem anywhere, is parsed as it stands, so that a problem's place and words are the text's own.
    """
    if not bare and "{%" not in text and "{#" not in text and _MARK not in text:
        parts = _PIECE.split(text)
        if not any("{{" in data for data in parts[::2]):
            found = [_of_shape(piece, bare=False) for piece in parts[1::2]]
            if not any(facts.problems for facts in found):
                return together(found)
        return _parsed(text, bare)
    facts = _of_shape(text, bare=bare) if _MARK not in text else _parsed(text, bare)
    return facts if not facts.problems else _parsed(text, bare)


# More texts than a runbook of tens of thousands of steps has; a file's own limits bound what is kept.
_facts_cached = lru_cache(maxsize=32_768)(_facts)


def _of_shape(text: str, *, bare: bool) -> Facts:
    """Give the facts of a text by those of its shape: the same text with numbers for the ids of steps.

    A marked id that is no string of its own in the shape (because `steps['` closes a quote) is a syntax error there.
    """
    ids: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        mark = f"{_MARK}{len(ids)}"
        ids[mark] = match[2]
        return match[1] + mark

    shape = _STEP.sub(number, text)
    facts = _parsed_cached(shape, bare)
    if not ids or facts.problems:
        return facts
    if any(_MARK in word for word in (*facts.secrets, *(facts.references - ids.keys()))):
        return _parsed(text, bare)  # an id inside a longer text
    return replace(
        facts,
        references=frozenset(ids.get(name, name) for name in facts.references),
        outputs=frozenset((ids.get(name, name), output) for name, output in facts.outputs),
    )


def _parsed(text: str, bare: bool) -> Facts:
    try:
        parsed, found = parse_checked(text, bare=bare)
    except TemplateError as error:
        line, column = error.position or (1, 0)
        return Facts(problems=(TemplateProblem((), error.message, line, column, error.hint),))
    tree = parsed.tree
    problems = [
        TemplateProblem((), problem.message, *locate(text, problem.line, problem.name), problem.hint)
        for problem in found
    ]
    if any("nested" in problem.message for problem in found):
        return Facts(problems=tuple(problems))  # too deep to walk through
    if not found:
        problems = list(_check_steps(text, tree))
    return Facts(
        references=frozenset(step for _owner, step in _step_nodes(tree) if step is not None),
        outputs=frozenset(_outputs(tree)),
        names=_names(tree),
        required=_names(tree, required=True),
        secrets=tuple(_secrets(tree)),
        problems=tuple(problems),
    )


_parsed_cached = lru_cache(maxsize=4096)(_parsed)


def _check_steps(text: str, tree: nodes.Template) -> Iterator[TemplateProblem]:
    """Find uses of `steps` that no edge can be derived from."""
    named = {id(owner) for owner, step in _step_nodes(tree) if step is not None}
    for name in tree.find_all(nodes.Name):
        if name.name == "steps" and id(name) not in named:
            line, column = locate(text, name.lineno, "steps")
            yield TemplateProblem(
                (), "which step is meant can't be told before the run, so there is no edge to it", line, column,
                "name the step by its id: steps['restore-db'].output",
            )  # fmt: skip


def _step_nodes(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str | None]]:
    """Give each `steps` that something is taken from, and the id of the step when it is a constant."""
    for node in _taken(tree):
        owner = node.node
        if isinstance(owner, nodes.Name) and owner.name == "steps":
            yield owner, _key(node)


def _outputs(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Give what is taken from steps by a constant name: `steps['x'].output`, `steps['x'].targets['web1'].output`."""
    for node in _taken(tree):
        name, owner = _key(node), node.node
        # Through `targets[…]`, whatever stands in the brackets.
        above = owner.node if isinstance(owner, nodes.Getitem | nodes.Getattr) else None
        if isinstance(above, nodes.Getattr | nodes.Getitem) and _key(above) == "targets":
            owner = above.node
        if name is not None and (step := _step_of(owner)) is not None:
            yield step, name


def _taken(tree: nodes.Template) -> list[nodes.Getattr | nodes.Getitem]:
    return [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]


def _key(node: nodes.Getattr | nodes.Getitem) -> str | None:
    """Give the name of what is taken; None when it is computed."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _step_of(node: nodes.Node) -> str | None:
    """Give the id in `steps['x']` or `steps.x`; None for anything else."""
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        return _key(node) if node.node.name == "steps" else None
    return None


def _names(tree: nodes.Template, *, required: bool = False) -> frozenset[str]:
    names = list(tree.find_all(nodes.Name))
    stored = {name.name for name in names if name.ctx != "load"}
    optional = set(_optional(tree)) if required else set()
    found = {name.name for name in names if name.ctx == "load" and id(name) not in optional}
    return frozenset(found - stored - _OWN_NAMES)


def _optional(tree: nodes.Template) -> Iterator[int]:
    """Give the nodes of names that may be undefined: in front of `default`, `is defined`, `is undefined`."""
    for node in (*tree.find_all(nodes.Filter), *tree.find_all(nodes.Test)):
        if node.name in {"default", "d", "defined", "undefined"} and isinstance(node.node, nodes.Name):
            yield id(node.node)


def _secrets(tree: nodes.Template) -> Iterator[str]:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "secret" and call.args:
            reference = call.args[0]
            if isinstance(reference, nodes.Const) and isinstance(reference.value, str):
                yield reference.value
