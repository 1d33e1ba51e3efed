"""What a template refers to, without running it: steps, names, secrets; and everything that is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from runbook_engine.expressions.compiled import is_template, locate, parse_checked
from runbook_engine.expressions.errors import TemplateError
from runbook_engine.model.json import JsonObject, JsonValue

Path = tuple[str | int, ...]
_OWN_NAMES = frozenset({"loop", "range", "secret"})


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


def references(text: str, *, bare: bool = False) -> frozenset[str]:
    """Give the ids of the steps that a template refers to as `steps['x']` or `steps.x`.

    With `bare` the text is an expression without braces. A text that can't be parsed refers to nothing;
    `check_syntax` reports it.
    """
    return frozenset(_step_ids(tree) if (tree := _tree(text, bare=bare)) else ())


def references_in(value: JsonValue, variables: JsonObject | None = None, *, bare: bool = False) -> frozenset[str]:
    """Give the ids of the steps that any text in a value refers to, through `variables` (vars of the runbook) too."""
    found: set[str] = set()
    pending, seen = [(value, bare)], set[str]()
    while pending:
        part, is_bare = pending.pop()
        for _path, text in _texts(part):
            found |= references(text, bare=is_bare)
            for name in _names(text, bare=is_bare) if variables else ():
                if variables and name in variables and name not in seen:
                    seen.add(name)
                    pending.append((variables[name], False))
    return frozenset(found)


def names_used(value: JsonValue, *, bare: bool = False) -> frozenset[str]:
    """Give the names that the templates in a value look up in their scope."""
    return frozenset(name for _path, text in _texts(value) for name in _names(text, bare=bare))


def names_required(value: JsonValue, *, bare: bool = False) -> frozenset[str]:
    """Give the names that must be defined: those that are not merely asked for by `default` or `is defined`."""
    return frozenset(name for _path, text in _texts(value) for name in _names(text, bare=bare, required=True))


def secret_references(value: JsonValue, *, bare: bool = False) -> list[str]:
    """Give the references of `secret('…')` in a value, in order; those that are computed can't be told."""
    return [
        call.args[0].value
        for _path, text in _texts(value)
        if (tree := _tree(text, bare=bare))
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name == "secret" and call.args
        and isinstance(call.args[0], nodes.Const) and isinstance(call.args[0].value, str)
    ]  # fmt: skip


def check_syntax(value: JsonValue, *, bare: bool = False) -> list[TemplateProblem]:
    """Find everything that is wrong with the templates in a value without running them."""
    problems: list[TemplateProblem] = []
    for path, text in _texts(value):
        problems.extend(_check_text(path, text, bare=bare))
    return problems


def _check_text(path: Path, text: str, *, bare: bool) -> Iterator[TemplateProblem]:
    if not bare and not is_template(text):
        return
    try:
        parsed, found = parse_checked(text, bare=bare)
    except TemplateError as error:
        line, column = error.position or (1, 0)
        yield TemplateProblem(path, error.message, line, column, error.hint)
        return
    for problem in found:
        line, column = locate(text, problem.line, problem.name)
        yield TemplateProblem(path, problem.message, line, column, problem.hint)
    if not found:
        yield from _check_steps(path, text, parsed.tree)


def _check_steps(path: Path, text: str, tree: nodes.Template) -> Iterator[TemplateProblem]:
    """Find uses of `steps` that no edge can be derived from."""
    named = {id(owner) for owner, step in _step_nodes(tree) if step is not None}
    for name in tree.find_all(nodes.Name):
        if name.name == "steps" and id(name) not in named:
            line, column = locate(text, name.lineno, "steps")
            yield TemplateProblem(
                path, "which step is meant can't be told before the run, so there is no edge to it", line, column,
                "name the step by its id: steps['restore-db'].output",
            )  # fmt: skip


def _step_ids(tree: nodes.Template) -> Iterator[str]:
    return (step for _owner, step in _step_nodes(tree) if step is not None)


def _step_nodes(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str | None]]:
    """Give each `steps` that something is taken from, and the id of the step when it is a constant."""
    found: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    for node in found:
        owner = node.node
        if isinstance(owner, nodes.Name) and owner.name == "steps":
            if isinstance(node, nodes.Getattr):
                yield owner, node.attr
            elif isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
                yield owner, node.arg.value
            else:
                yield owner, None


def _names(text: str, *, bare: bool, required: bool = False) -> set[str]:
    tree = _tree(text, bare=bare)
    if tree is None:
        return set()
    names = list(tree.find_all(nodes.Name))
    stored = {name.name for name in names if name.ctx != "load"}
    optional = set(_optional(tree)) if required else set()
    return {name.name for name in names if name.ctx == "load" and id(name) not in optional} - stored - _OWN_NAMES


def _optional(tree: nodes.Template) -> Iterator[int]:
    """Give the nodes of names that may be undefined: in front of `default`, `is defined`, `is undefined`."""
    for node in (*tree.find_all(nodes.Filter), *tree.find_all(nodes.Test)):
        if node.name in {"default", "d", "defined", "undefined"} and isinstance(node.node, nodes.Name):
            yield id(node.node)


def _tree(text: str, *, bare: bool) -> nodes.Template | None:
    if not bare and not is_template(text):
        return None
    try:
        parsed, problems = parse_checked(text, bare=bare)
    except TemplateError:
        return None
    return None if problems and any("nested" in problem.message for problem in problems) else parsed.tree


def _texts(value: JsonValue) -> Iterator[tuple[Path, str]]:
    pending: list[tuple[Path, JsonValue]] = [((), value)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, str):
            yield path, part
        elif isinstance(part, Mapping):
            pending.extend(((*path, key), item) for key, item in reversed(list(part.items())))
        elif isinstance(part, list | tuple):
            pending.extend(((*path, index), item) for index, item in reversed(list(enumerate(part))))
