"""The dependency graph's answers are networkx's, also where networkx is not asked."""

import subprocess
import sys

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.planning.graph import critical_path, find_cycle, order


@st.composite
def graphs(draw, *, in_order):
    """Steps with what they wait for and their durations; many of those are equal, so that paths are, too."""
    count = draw(st.integers(0, 9))
    names = draw(st.permutations([f"s{n}" for n in range(count)]))
    before = {
        name: draw(st.lists(st.sampled_from(names[:at]), max_size=4, unique=False) if at else st.just([]))
        for at, name in enumerate(names)
    }
    rows = names if in_order else draw(st.permutations(names))
    durations = st.sampled_from([0.0, 0.1, 0.2, 1.0, 2.0, 1800.0])
    return {name: before[name] for name in rows}, {name: draw(durations) for name in rows}


def whole(needs):
    graph = nx.DiGraph()
    graph.add_nodes_from(needs)
    for step, before in needs.items():
        graph.add_edges_from((other, step) for other in before)
    return graph


def networkx_path(needs, weights):
    graph = nx.DiGraph()
    graph.add_nodes_from(needs)
    for step, before in needs.items():
        for other in ("", *before):
            graph.add_edge(other, step, weight=weights[step])
    return [step for step in nx.dag_longest_path(graph, weight="weight", default_weight=0) if step]


@given(graphs(in_order=True) | graphs(in_order=False))
def test_the_order_is_that_of_networkx(graph):
    needs, _ = graph
    position = {step: at for at, step in enumerate(needs)}
    assert order(needs) == list(nx.lexicographical_topological_sort(whole(needs), key=position.__getitem__))


@given(graphs(in_order=True) | graphs(in_order=False))
def test_the_critical_path_is_that_of_networkx(graph):
    needs, weights = graph
    assert critical_path(needs, weights) == networkx_path(needs, weights)


@given(graphs(in_order=True), st.randoms(use_true_random=False))
def test_a_cycle_is_found_wherever_it_is(graph, random):
    needs, _ = graph
    if len(needs) < 2:
        return
    first, last = sorted(random.sample(list(needs), 2), key=list(needs).index)
    closed = {**needs, first: [*needs[first], last], last: [*needs[last], first]}
    path = find_cycle(closed)
    assert path[0] == path[-1]
    assert all(before in closed[after] for before, after in zip(path, path[1:], strict=False))


@pytest.mark.parametrize(("needs", "loaded"), [({"a": [], "b": ["a"]}, False), ({"b": ["a"], "a": []}, True)])
def test_steps_in_order_cost_no_import_of_networkx(needs, loaded):
    code = (
        "import sys\nfrom runbook_engine.planning.graph import critical_path, order\n"
        f"needs = {needs!r}\nprint(order(needs), critical_path(needs, dict.fromkeys(needs, 1.0)))\n"
        "print('networkx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['a', 'b'] ['a', 'b']", str(loaded)]
