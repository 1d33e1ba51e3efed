"""The dependency graph: order, cycles, longest path. The only user of networkx, which is slow to import.

Where each step stands behind all that it waits for, as most people write them, a plan asks networkx nothing: the
answers are the same, as tests compare over random graphs.
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx

_START = ""  # a node before all steps


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
    if _in_order(needs):
        return list(needs)
    import networkx as nx

    position = {step: index for index, step in enumerate(needs)}
    return list(nx.lexicographical_topological_sort(_graph(needs), key=position.__getitem__))


def critical_path(needs: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> list[str]:
    """Give the heaviest chain of steps, first step first.

    Args:
        weights: expected duration of each step, in seconds.
    """
    if _in_order(needs):
        return _heaviest(needs, weights)
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(needs)
    # The weight of a step stands on the edges that lead to it; a source node carries the weight of the first one.
    for step, before in needs.items():
        graph.add_edge(_START, step, weight=weights[step])
        for other in before:
            graph.add_edge(other, step, weight=weights[step])
    path = nx.dag_longest_path(graph, weight="weight", default_weight=0)
    return [str(step) for step in path if step != _START]


def ancestors(needs: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Give for each step all the steps that it waits for, directly or not."""
    found: dict[str, frozenset[str]] = {}
    for step in order(needs):
        found[step] = frozenset(needs[step]).union(*(found[other] for other in needs[step]))
    return found


def _heaviest(needs: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> list[str]:
    """Give the heaviest chain of steps that are in order; of equal ones the one that networkx gives."""
    best = {_START: (0.0, _START)}
    for step in TopologicalSorter(needs).static_order():
        longest = max((_START, *needs[step]), key=lambda other: best[other][0])
        best[step] = (best[longest][0] + weights[step], longest)
    path: list[str] = []
    step = max(best, key=lambda one: best[one][0])
    while step != _START:
        path.append(step)
        step = best[step][1]
    return path[::-1]


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
