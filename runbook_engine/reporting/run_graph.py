"""The graph of a run as its events tell it: also when its runbook is another one by now."""

from runbook_engine.model.report import RunReport
from runbook_engine.model.step_graph import Edge, Node, StepGraph
from runbook_engine.reporting.words import step_standing

MOST_STEPS = 150
"""Of a picture in a page; more than that nobody can read, and drawing it takes long."""

_PER_TARGET = "@target"


def run_graph(report: RunReport) -> StepGraph | None:
    """Give the graph, each step with how it ended; None for a run that recorded no edges, or too many steps."""
    known = {step.id for step in report.steps}
    if len(known) > MOST_STEPS or not any(step.needs for step in report.steps):
        return None
    layers: dict[str, int] = {}
    edges: list[Edge] = []
    for step in report.steps:  # (each stands behind what it needs)
        before = [need.removesuffix(_PER_TARGET) for need in step.needs]
        layers[step.id] = 1 + max((layers.get(one, -1) for one in before), default=-1)
        edges += [
            Edge(before=one, after=step.id, per_target=need.endswith(_PER_TARGET))
            for one, need in zip(before, step.needs, strict=True)
            if one in known
        ]
    nodes = tuple(
        Node(
            id=step.id,
            name=step.id,
            action=step.action,
            targets="localhost" if step.planned <= 1 else f"{step.planned} targets",
            gate=step.kind == "gate",
            layer=layers[step.id],
            critical=False,
            outcome=step_standing(step),
        )
        for step in report.steps
    )
    return StepGraph(runbook=report.runbook, title=report.title, run=report.run, nodes=nodes, edges=tuple(edges))
