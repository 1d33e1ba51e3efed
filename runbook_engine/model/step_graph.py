"""A runbook's steps and edges in layers, ready to be drawn."""

from runbook_engine.model.base import Frozen


class Node(Frozen):
    """One step as it is drawn.

    Attributes:
        layer: length of the longest chain of steps that it waits for, from 0.
        critical: whether it is on the longest chain by timeouts.
        outcome: how it ended in a run, or what it does there; empty without a run.
    """

    id: str
    name: str
    action: str
    targets: str
    gate: bool
    layer: int
    critical: bool
    outcome: str = ""


class Edge(Frozen):
    """`after` waits for `before`; with `per_target`, on each target for that target only."""

    before: str
    after: str
    per_target: bool = False


class StepGraph(Frozen):
    """The steps of a runbook, each behind all that it waits for, and the edges between them."""

    runbook: str
    title: str
    run: str = ""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def layers(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes layer by layer."""
        depth = max((node.layer for node in self.nodes), default=-1) + 1
        return tuple(tuple(node for node in self.nodes if node.layer == layer) for layer in range(depth))
