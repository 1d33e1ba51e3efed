"""Draws a step graph as text, Mermaid, Graphviz' dot, or JSON."""

from runbook_engine.model.step_graph import Node, StepGraph

_MERMAID_CLASSES = {
    "well": "fill:#d9f2df,stroke:#1a7f37,color:#10381d",
    "failed": "fill:#fde0de,stroke:#b3261e,color:#5c120d",
    "blocked": "fill:#ececec,stroke:#8a8a8a,color:#444444",
    "waiting": "fill:#fff3cd,stroke:#9a6700,color:#4d3300",
}
_WELL = frozenset({"unchanged", "changed", "would-change", "skipped"})
_FAILED = frozenset({"failed", "unreachable"})
_BLOCKED = frozenset({"blocked", "not started"})


def colour_of(outcome: str) -> str:
    """Give the class that an outcome is coloured by: `well`, `failed`, `blocked`, `waiting`, or nothing."""
    if outcome in _WELL:
        return "well"
    if outcome in _FAILED:
        return "failed"
    if outcome in _BLOCKED:
        return "blocked"
    return "waiting" if outcome not in {"", "pending"} else ""


def as_text(graph: StepGraph) -> str:
    """List the steps layer by layer with what they wait for; `*` marks the critical path."""
    before: dict[str, list[str]] = {}
    for edge in graph.edges:
        before.setdefault(edge.after, []).append(f"{edge.before}@target" if edge.per_target else edge.before)
    width = max((len(node.id) for node in graph.nodes), default=0)
    blocks = [f"{graph.runbook}: {graph.title}" if graph.title else graph.runbook]
    for number, layer in enumerate(graph.layers, start=1):
        blocks.append(f"{number}.")
        blocks += [_text_line(node, before.get(node.id, []), width) for node in layer]
    blocks.append("* is on the critical path (by timeouts)")
    return "\n".join(blocks)


def as_mermaid(graph: StepGraph) -> str:
    """Draw for Mermaid, which renders in Markdown on many sites."""
    names = {node.id: f"s{index}" for index, node in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for node in graph.nodes:
        opening, closing = ("{{", "}}") if node.gate else ("[", "]")
        outcome = f"<br/>{_mermaid(node.outcome)}" if node.outcome else ""
        label = f"<b>{_mermaid(node.id)}</b><br/>{_mermaid(node.action)}{outcome}"
        lines.append(f'    {names[node.id]}{opening}"{label}"{closing}')
    for edge in graph.edges:
        arrow = '-. "per target" .->' if edge.per_target else "-->"
        lines.append(f"    {names[edge.before]} {arrow} {names[edge.after]}")
    for kind, style in _MERMAID_CLASSES.items():
        members = [names[node.id] for node in graph.nodes if colour_of(node.outcome) == kind]
        if members:
            lines += [f"    classDef {kind} {style}", f"    class {','.join(members)} {kind}"]
    return "\n".join(lines)


def as_dot(graph: StepGraph) -> str:
    """Draw for Graphviz."""
    fills = {"well": "#d9f2df", "failed": "#fde0de", "blocked": "#ececec", "waiting": "#fff3cd", "": "#ffffff"}
    lines = [f'digraph "{_dot(graph.runbook)}" {{', "    rankdir=TB;", '    node [shape=box, style="filled,rounded"];']
    for node in graph.nodes:
        shape = "hexagon" if node.gate else "box"
        parts = [node.id, node.action, *([node.outcome] if node.outcome else [])]
        label = "\\n".join(_dot(part) for part in parts)
        width = 2 if node.critical else 1
        fill = fills[colour_of(node.outcome)]
        lines.append(f'    "{_dot(node.id)}" [label="{label}", shape={shape}, fillcolor="{fill}", penwidth={width}];')
    for edge in graph.edges:
        style = ' [style=dashed, label="per target"]' if edge.per_target else ""
        lines.append(f'    "{_dot(edge.before)}" -> "{_dot(edge.after)}"{style};')
    lines.append("}")
    return "\n".join(lines)


def _text_line(node: Node, before: list[str], width: int) -> str:
    mark = "*" if node.critical else " "
    waits = f"  after {', '.join(before)}" if before else ""
    where = "" if node.targets == "localhost" else f" on {node.targets}"
    outcome = f"  [{node.outcome}]" if node.outcome else ""
    return f" {mark} {node.id.ljust(width)}  {node.action}{where}{waits}{outcome}"


def _mermaid(text: str) -> str:
    """Write text so that Mermaid can't read anything into it: all that is not plain becomes a numeric entity."""
    return "".join(
        character if character.isalnum() or character in " ._-/@" else f"#{ord(character)};" for character in text
    )


def _dot(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
