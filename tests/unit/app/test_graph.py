"""The graph of a runbook and its drawings."""

from xml.etree import ElementTree as ET

import pytest

from runbook_engine.app.graph import step_graph
from runbook_engine.discovery.catalog import build_catalog
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.config import Limits
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.step_graph import Edge, Node, StepGraph
from runbook_engine.reporting.graph_formats import as_dot, as_mermaid, as_text
from runbook_engine.reporting.graph_svg import as_svg

CATALOG, _ = build_catalog(())
HOSTILE = '"]; evil <script>alert(1)</script> {{x}} | -->'


def graph_of(tmp_path, steps):
    (tmp_path / "book.yml").write_text(f"runbook: book\nsteps:\n{steps}")
    loaded = load_runbook(tmp_path / "book.yml", project=tmp_path, limits=Limits(), action_names=tuple(CATALOG.names()))
    return step_graph(loaded, CATALOG)


def step(name, needs=(), params="{argv: [ls]}"):
    return f"  - id: {name}\n    needs: [{', '.join(needs)}]\n    command.run: {params}\n"


def test_layers_follow_the_longest_chain(tmp_path):
    graph = graph_of(tmp_path, step("a") + step("b", ["a"]) + step("c", ["b", "a"]) + step("d"))
    assert [[node.id for node in layer] for layer in graph.layers] == [["a", "d"], ["b"], ["c"]]


def test_a_reference_in_a_template_is_an_edge(tmp_path):
    graph = graph_of(tmp_path, step("a") + step("b", params="{argv: [echo, \"{{ steps['a'].stdout }}\"]}"))
    assert graph.edges == (Edge(before="a", after="b"),)


def test_a_cycle_is_shown_as_a_path(tmp_path):
    with pytest.raises(InvalidInputError, match=r"(a → b → a)|(b → a → b)"):
        graph_of(tmp_path, step("a", ["b"]) + step("b", ["a"]))


def hostile_graph():
    nodes = tuple(
        Node(id=name, name=HOSTILE, action="command.run", targets=HOSTILE, gate=name == "a", layer=layer, critical=True)
        for layer, name in enumerate("abc")
    )
    edges = (Edge(before="a", after="b"), Edge(before="b", after="c", per_target=True), Edge(before="a", after="c"))
    return StepGraph(runbook="book", title=HOSTILE, nodes=nodes, edges=edges)


def test_svg_is_well_formed_and_inert():
    drawing = ET.fromstring(as_svg(hostile_graph()))
    names = {element.tag.rpartition("}")[2] for element in drawing.iter()}
    assert "script" not in names
    assert sum(1 for element in drawing.iter() if element.get("class", "").startswith("edge")) == 3


def test_svg_boxes_do_not_overlap(tmp_path):
    graph = graph_of(tmp_path, "".join(step(f"s{n}", [f"s{n // 3}"] if n else []) for n in range(12)))
    drawing = ET.fromstring(as_svg(graph))
    boxes = [
        tuple(int(element.get(key)) for key in ("x", "y", "width", "height"))
        for element in drawing.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == 12
    for index, (x, y, width, height) in enumerate(boxes):
        for left, top, _, _ in boxes[index + 1 :]:
            assert abs(x - left) >= width or abs(y - top) >= height


def test_text_formats_name_every_step_and_keep_hostile_text_in_its_place():
    graph = hostile_graph()
    assert as_text(graph).count("command.run") == 3
    mermaid = as_mermaid(graph)
    assert "<script>" not in mermaid
    assert mermaid.count("-->") == 2
    assert mermaid.count(".->") == 1
    assert as_dot(graph).count(" -> ") == 3
