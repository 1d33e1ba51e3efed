"""Rewrites a checked template so that whatever costs work or makes a value goes through the sandbox's doors."""

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

EACH, LITERAL, WEIGH, CONCAT, METHOD, RANGE, SECRET = (
    "_each", "_literal", "_weigh", "_concat", "_method", "_range", "_secret",
)  # fmt: skip
RESULT = "__result"
_SMALL = 20


def lower(tree: nodes.Template) -> nodes.Template:
    """Give the template with calls, literals, loops, comparisons, slices and `~` as filters of the sandbox.

    Nothing that is called remains, so that no object's own methods can be reached.
    """
    return _Lowering().visit(tree)  # type: ignore[no-any-return] # the visitor gives the node back


def as_result(expression: nodes.Expr) -> nodes.Template:
    """Make a template that only sets `RESULT`."""
    return nodes.Template([nodes.Assign(nodes.Name(RESULT, "store"), expression, lineno=1)], lineno=1)


# Jinja2's visitor finds its methods by the names of its node classes.
# ruff: noqa: N802
class _Lowering(NodeTransformer):
    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _door(CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.List) -> nodes.Node:
        return self._literal(node, node.items)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        return node if node.ctx == "store" else self._literal(node, node.items)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        return self._literal(node, [pair.value for pair in node.items])

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        iterated = node.iter
        assert isinstance(iterated, nodes.Expr)  # noqa: S101 - the parser makes it one
        node.iter = _door(EACH, iterated)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _weighed(node.expr)
        for operand in node.ops:
            operand.expr = _weighed(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        return _door(WEIGH, node) if isinstance(node.arg, nodes.Slice) else node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        self.generic_visit(node)
        called = node.node
        if isinstance(called, nodes.Name):
            door = SECRET if called.name == "secret" else RANGE
            return _door(door, nodes.Const(None, lineno=node.lineno), node.args, node.kwargs)
        assert isinstance(called, nodes.Getattr)  # noqa: S101 - the check lets no other call through
        return _door(METHOD, called.node, [nodes.Const(called.attr, lineno=node.lineno), *node.args], node.kwargs)

    def _literal(self, node: nodes.List | nodes.Tuple | nodes.Dict, items: list[nodes.Expr]) -> nodes.Node:
        small = len(items) <= _SMALL and all(isinstance(item, nodes.Const) for item in items)
        self.generic_visit(node)
        return node if small else _door(LITERAL, node)


def _weighed(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else _door(WEIGH, node)


def _door(
    name: str, value: nodes.Expr, args: list[nodes.Expr] | None = None, kwargs: list[nodes.Keyword] | None = None
) -> nodes.Filter:
    return nodes.Filter(value, name, args or [], kwargs or [], None, None, lineno=value.lineno)
