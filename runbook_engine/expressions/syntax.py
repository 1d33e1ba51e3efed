"""Which Jinja2 a runbook may hold: expressions, `if`, `for`, `set`; the rest is refused before it is compiled."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

from runbook_engine.expressions.bounds import MAX_BITS
from runbook_engine.expressions.catalog import FILTER_NAMES, METHODS, TEST_NAMES
from runbook_engine.expressions.scope import RESERVED
from runbook_engine.model.quoting import did_you_mean

MAX_DEPTH = 60
MAX_NODES = 20_000
_MAX_LOOPS = 2
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name, nodes.Const,
    nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test,
    nodes.Call, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.BinExpr,
    nodes.UnaryExpr,
)  # fmt: skip
_WORDS = {
    nodes.Macro: "a macro", nodes.CallBlock: "a call block", nodes.Include: "an include", nodes.Import: "an import",
    nodes.FromImport: "an import", nodes.Extends: "extends", nodes.Block: "a block", nodes.With: "a with block",
    nodes.FilterBlock: "a filter block", nodes.AssignBlock: "a set block", nodes.NSRef: "a namespace",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Something that a template may not hold; `name` helps to find the column."""

    message: str
    line: int
    name: str = ""
    hint: str = ""


def check_tree(tree: nodes.Node) -> Iterator[SyntaxProblem]:
    """Find everything in a parsed template that is not allowed. Does not recurse, whatever the depth."""
    pending: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    seen = 0
    while pending:
        node, depth, loops = pending.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_NODES:
            what = f"nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else f"longer than {MAX_NODES} parts"
            yield SyntaxProblem(f"the template is {what}", node.lineno or 1)
            return
        yield from _check_node(node)
        if isinstance(node, nodes.For):
            loops += 1
            if loops > _MAX_LOOPS:
                yield SyntaxProblem(f"loops may not nest deeper than {_MAX_LOOPS}", node.lineno)
        called = node.node if isinstance(node, nodes.Call) else None
        for child in node.iter_child_nodes():
            if child is called:  # judged with its call
                pending.extend((grandchild, depth + 1, loops) for grandchild in child.iter_child_nodes())
            else:
                pending.append((child, depth + 1, loops))


def _check_node(node: nodes.Node) -> Iterator[SyntaxProblem]:
    line = node.lineno or 1
    if not isinstance(node, _ALLOWED):
        word = next((text for kind, text in _WORDS.items() if isinstance(node, kind)), type(node).__name__)
        yield SyntaxProblem(f"{word} is not allowed in a runbook's template", line, hint="use if, for and set")
    elif isinstance(node, nodes.For) and node.recursive:
        yield SyntaxProblem("a recursive loop is not allowed", line, "recursive")
    elif isinstance(node, nodes.Const) and _too_large(node.value):
        yield SyntaxProblem("the number is too large", line)
    elif isinstance(node, nodes.Name):
        yield from _check_name(node, line)
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        yield SyntaxProblem(f"the attribute {node.attr!r} is not allowed: it begins with _", line, node.attr)
    elif isinstance(node, nodes.Filter | nodes.Test):
        yield from _check_filter_or_test(node, line)
    elif isinstance(node, nodes.Call):
        yield from _check_call(node, line)


def _too_large(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() > MAX_BITS
    return isinstance(value, float) and not math.isfinite(value)


def _check_name(node: nodes.Name, line: int) -> Iterator[SyntaxProblem]:
    if node.name.startswith("_"):
        yield SyntaxProblem(f"the name {node.name!r} is not allowed: it begins with _", line, node.name)
    elif node.ctx != "load" and node.name in RESERVED:
        yield SyntaxProblem(f"{node.name!r} is the engine's own name and can't be set", line, node.name)
    elif node.ctx == "load" and node.name in {"range", "secret"}:
        yield SyntaxProblem(f"{node.name!r} must be called: {node.name}(…)", line, node.name)


def _check_filter_or_test(node: nodes.Filter | nodes.Test, line: int) -> Iterator[SyntaxProblem]:
    kind, known = ("filter", FILTER_NAMES) if isinstance(node, nodes.Filter) else ("test", TEST_NAMES)
    if node.name not in known:
        yield SyntaxProblem(f"there is no {kind} {node.name!r}", line, node.name, did_you_mean(node.name, known))
    if node.dyn_args or node.dyn_kwargs:
        yield SyntaxProblem("arguments with * are not allowed", line, node.name)


def _check_call(node: nodes.Call, line: int) -> Iterator[SyntaxProblem]:
    called = node.node
    if node.dyn_args or node.dyn_kwargs:
        yield SyntaxProblem("arguments with * are not allowed", line)
    if isinstance(called, nodes.Name):
        if called.name not in {"range", "secret"}:
            yield SyntaxProblem(
                f"{called.name}(…) can't be called: only secret(…) and range(…) can", line, called.name,
                "lookups and other functions of Ansible are not there; use a filter or an action's output",
            )  # fmt: skip
        elif called.name == "secret" and (len(node.args) != 1 or node.kwargs):
            yield SyntaxProblem("secret(…) takes one reference, such as 'env:NAME'", line, "secret")
    elif not isinstance(called, nodes.Getattr) or called.attr not in METHODS:
        name = called.attr if isinstance(called, nodes.Getattr) else ""
        yield SyntaxProblem(
            f"the method {name!r} can't be called" if name else "this can't be called", line, name,
            did_you_mean(name, METHODS) if name and not name.startswith("_") else "",
        )  # fmt: skip
