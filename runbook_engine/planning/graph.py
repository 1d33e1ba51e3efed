"""The dependency graph: order, cycles, longest path. The only user of networkx, which is slow to import."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


def find_cycle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Give one cycle as a path that ends where it begins, `["a", "b", "a"]`; empty when there is none.

    Args:
        needs: for each step the steps that it waits for.
    """
    if _in_order(needs):
        return []
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        import networkx as nx
    else:
        return []
    edges = nx.find_cycle(_graph(needs))
    return [edges[0][0], *(edge[1] for edge in edges)]


def order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Give the steps so that each comes after all it waits for, otherwise in the order of the mapping."""
    import networkx as nx

    position = {step: index for index, step in enumerate(needs)}
    return list(nx.lexicographical_topological_sort(_graph(needs), key=position.__getitem__))


def critical_path(needs: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> list[str]:
    """Give the heaviest chain of steps, first step first.

    Args:
        weights: expected duration of each step, in seconds.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(needs)
    # The weight of a step stands on the edges that lead to it; a source node carries the weight of the first one.
    source = ""
    for step, before in needs.items():
        graph.add_edge(source, step, weight=weights[step])
        for other in before:
            graph.add_edge(other, step, weight=weights[step])
    path = nx.dag_longest_path(graph, weight="weight", default_weight=0)
    return [str(step) for step in path if step != source]


def ancestors(needs: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Give for each step all the steps that it waits for, directly or not."""
    found: dict[str, frozenset[str]] = {}
    for step in order(needs):
        found[step] = frozenset(needs[step]).union(*(found[other] for other in needs[step]))
    return found


def _in_order(needs: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether each step stands behind all that it waits for; there is no cycle then."""
    seen: set[str] = set()
    for step, before in needs.items():
        seen.add(step)
        for other in before:
            if other == step or other not in seen:
                return False
    return True


def _graph(needs: Mapping[str, Sequence[str]]) -> "nx.DiGraph[str]":
    """Build the graph with edges from what is needed to what needs it, in a fixed order."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(needs)
    for step, before in needs.items():
        graph.add_edges_from((other, step) for other in before)
    return graph
