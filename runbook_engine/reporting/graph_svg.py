"""Draws a step graph as one self-contained SVG: layers from top to bottom, edges that avoid the boxes."""

from dataclasses import dataclass
from html import escape
from itertools import pairwise

from runbook_engine.model.step_graph import Edge, Node, StepGraph
from runbook_engine.reporting.graph_formats import colour_of

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN, _LANE = 210, 58, 30, 56, 24, 14
_SWEEPS = 4
_LONGEST = 28
_ARROW = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>'
)
_STYLE = """
.graph{background:#fff}.graph .box{fill:#fff;stroke:#57606a;stroke-width:1.2}.graph .critical{stroke-width:2.6}
.graph .well{fill:#d9f2df;stroke:#1a7f37}.graph .failed{fill:#fde0de;stroke:#b3261e}
.graph .blocked{fill:#ececec;stroke:#8a8a8a}.graph .waiting{fill:#fff3cd;stroke:#9a6700}
.graph .edge{fill:none;stroke:#8c959f;stroke-width:1.3}.graph .edge.critical{stroke:#24292f;stroke-width:2.2}
.graph .target{stroke-dasharray:5 4}.graph text{font:12px system-ui,sans-serif;fill:#24292f}.graph .id{font-weight:600}
.graph .small{font-size:11px;fill:#57606a}.graph .tip{fill:#57606a}
@media screen and (prefers-color-scheme:dark){
.graph{background:#0d1117}.graph .box{fill:#161b22;stroke:#9198a1}
.graph .well{fill:#12361f;stroke:#3fb950}.graph .failed{fill:#4a1518;stroke:#f85149}
.graph .blocked{fill:#22272e;stroke:#8b949e}.graph .waiting{fill:#3d2e08;stroke:#d29922}
.graph .edge{stroke:#6e7681}.graph .edge.critical{stroke:#e6edf3}
.graph text{fill:#e6edf3}.graph .small{fill:#a9b1ba}.graph .tip{fill:#9198a1}}
"""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place in a layer: a step, or (with an empty node) where a long edge passes through."""

    key: str
    node: Node | None


def as_svg(graph: StepGraph, *, inline: bool = False, styled: bool = True) -> str:
    """Draw the graph; every text is escaped, nothing is loaded from elsewhere.

    Args:
        inline: for a page: no wider than the page, and with styles that hold in it alone.
        styled: with its own styles; without them it is the page's style sheet that gives the classes their colours.
    """
    rows, chains = _rows(graph)
    _untangle(rows, chains)
    places = _place(rows)
    right = max(places[spot.key][0] + (_WIDTH if spot.node else _LANE) for row in rows for spot in row)
    full = right + _MARGIN
    height = 2 * _MARGIN + len(rows) * _HEIGHT + (len(rows) - 1) * _GAP_Y
    title = escape(f"{graph.runbook}: {graph.title}" if graph.title else graph.runbook)
    critical = {node.id for node in graph.nodes if node.critical}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="0 0 {full} {height}"',
        f' style="max-width:{full}px"' if inline and styled else f' width="{full}" height="{height}"',
        f' role="img" aria-label="{title}">',
        f"<title>{title}</title>" + (f"<style>{_STYLE}</style>" if styled else ""),
        _ARROW,
    ]
    parts += [_edge(edge, chain, places, critical) for edge, chain in chains]
    parts += [_box(spot.node, *places[spot.key]) for row in rows for spot in row if spot.node]
    parts.append("</svg>")
    return "\n".join(parts)


def _rows(graph: StepGraph) -> tuple[list[list[_Spot]], list[tuple[Edge, list[str]]]]:
    """Put steps into their layers, and a passing place into each layer that an edge crosses."""
    rows = [[_Spot(node.id, node) for node in layer] for layer in graph.layers]
    layers = {node.id: node.layer for node in graph.nodes}
    chains: list[tuple[Edge, list[str]]] = []
    for edge in graph.edges:
        chain = [edge.before]
        for layer in range(layers[edge.before] + 1, layers[edge.after]):
            key = f"{edge.before} {edge.after} {layer}"
            rows[layer].append(_Spot(key, None))
            chain.append(key)
        chains.append((edge, [*chain, edge.after]))
    return rows, chains


def _untangle(rows: list[list[_Spot]], chains: list[tuple[Edge, list[str]]]) -> None:
    """Order each layer by the middle of its neighbours, up and down a few times, so that few edges cross."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for _, chain in chains:
        for before, after in pairwise(chain):
            above.setdefault(after, []).append(before)
            below.setdefault(before, []).append(after)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for index in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = rows[index - 1] if down else rows[index + 1]
            position = {spot.key: place / max(1, len(fixed) - 1) for place, spot in enumerate(fixed)}
            neighbours = above if down else below
            _sort_row(rows[index], neighbours, position)


def _sort_row(row: list[_Spot], neighbours: dict[str, list[str]], position: dict[str, float]) -> None:
    own = {spot.key: place / max(1, len(row) - 1) for place, spot in enumerate(row)}

    def middle(spot: _Spot) -> float:
        around = [position[key] for key in neighbours.get(spot.key, []) if key in position]
        return sum(around) / len(around) if around else own[spot.key]

    row.sort(key=middle)


def _place(rows: list[list[_Spot]]) -> dict[str, tuple[int, int]]:
    """Give the left upper corner of each spot; rows are centred."""
    widths = [sum((_WIDTH if spot.node else _LANE) + _GAP_X for spot in row) - _GAP_X for row in rows]
    widest = max(widths, default=0)
    places: dict[str, tuple[int, int]] = {}
    for index, row in enumerate(rows):
        x = _MARGIN + (widest - widths[index]) // 2
        y = _MARGIN + index * (_HEIGHT + _GAP_Y)
        for spot in row:
            places[spot.key] = (x, y)
            x += (_WIDTH if spot.node else _LANE) + _GAP_X
    return places


def _edge(edge: Edge, chain: list[str], places: dict[str, tuple[int, int]], critical: set[str]) -> str:
    x, y = places[chain[0]]
    path = f"M{x + _WIDTH // 2} {y + _HEIGHT}"
    bottom, left = y + _HEIGHT, x + _WIDTH // 2
    for key in chain[1:]:
        x, y = places[key]
        last = key == chain[-1]
        centre = x + (_WIDTH if last else _LANE) // 2
        half = (y - bottom) // 2
        path += f"C{left} {bottom + half} {centre} {y - half} {centre} {y}"
        if not last:
            path += f"V{y + _HEIGHT}"
        bottom, left = y + _HEIGHT, centre
    kinds = ["edge", *(["critical"] if {edge.before, edge.after} <= critical else [])]
    if edge.per_target:
        kinds.append("target")
    tip = f"{escape(edge.before)} before {escape(edge.after)}{' (target by target)' if edge.per_target else ''}"
    return f'<path class="{" ".join(kinds)}" d="{path}" marker-end="url(#tip)"><title>{tip}</title></path>'


def _box(node: Node, x: int, y: int) -> str:
    kinds = " ".join(["box", *(["critical"] if node.critical else []), *filter(None, [colour_of(node.outcome)])])
    middle = x + _WIDTH // 2
    round_corners = 26 if node.gate else 7
    action = node.action if node.targets == "localhost" else f"{node.action} on {node.targets}"
    lines = [
        f'<text class="id" x="{middle}" y="{y + 20}" text-anchor="middle">{escape(_short(node.id))}</text>',
        f'<text class="small" x="{middle}" y="{y + 35}" text-anchor="middle">{escape(_short(action))}</text>',
    ]
    if node.outcome:
        lines.append(
            f'<text class="small" x="{middle}" y="{y + 50}" text-anchor="middle">{escape(node.outcome)}</text>'
        )
    return (
        f'<g><title>{escape(node.name)}</title><rect class="{kinds}" x="{x}" y="{y}" width="{_WIDTH}"'
        f' height="{_HEIGHT}" rx="{round_corners}"/>{"".join(lines)}</g>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
