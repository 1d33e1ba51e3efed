"""The use case `graph`: a runbook's steps and edges in layers, ready to be drawn."""

from collections.abc import Mapping

from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.source_maps import source_maps
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.step_graph import Edge, Node, StepGraph
from runbook_engine.planning.edges import all_needs
from runbook_engine.planning.flatten import FlatStep, Source, flatten
from runbook_engine.planning.graph import critical_path, find_cycle, order
from runbook_engine.ports.catalog import Catalog


def load_graph(
    project: OpenProject, name: str, *, run: str = "", outcomes: Mapping[str, str] | None = None
) -> StepGraph:
    """Load a runbook by name or path, and give its graph.

    Raises:
        InvalidFilesError: the runbook is not valid; has every finding.
    """
    path = project.runbook_path(name)
    limits = project.config.limits
    loaded = load_runbook(path, project=project.root, limits=limits, action_names=project.catalog.names())
    if loaded.runbook is None or has_errors(loaded.diagnostics):
        raise InvalidFilesError(f"{name} is not valid", list(loaded.diagnostics), source_maps(loaded))
    return step_graph(loaded, project.catalog, run=run, outcomes=outcomes)


def step_graph(
    source: Source, catalog: Catalog, *, run: str = "", outcomes: Mapping[str, str] | None = None
) -> StepGraph:
    """Give the graph of a runbook; neither inventory nor inputs are needed for it.

    Args:
        source: the loaded runbook, free of errors.
        outcomes: how each step ended in a run, by its id.

    Raises:
        InvalidInputError: the steps form a cycle, or need steps that don't exist.
    """
    runbook = source.runbook
    if runbook is None:
        raise InvalidInputError("the runbook is not valid", hint="`runbook validate` shows why")
    flat = flatten(source, {}, read_inputs=None, render=_as_written)
    needs = {step.step.id: all_needs(step, flat.scopes[step.scope], catalog) for step in flat.steps}
    names = {step: tuple(need.step for need in edges) for step, edges in needs.items()}
    for step, before in names.items():
        if missing := sorted(set(before) - set(names)):
            raise InvalidInputError(f"step {step} needs {missing[0]}, and there is no such step")
    if cycle := find_cycle(names):
        raise InvalidInputError(f"the steps form a cycle: {' → '.join(cycle)}")
    layers: dict[str, int] = {}
    for name in order(names):
        layers[name] = 1 + max((layers[before] for before in names[name]), default=-1)
    path = set(critical_path(names, {step.step.id: step.step.timeout.total_seconds() for step in flat.steps}))
    by_id = {step.step.id: step for step in flat.steps}
    found = outcomes or {}
    nodes = tuple(
        _node(by_id[name], layer=layers[name], critical=name in path, outcome=found.get(name, ""))
        for name in order(names)
    )
    edges = tuple(
        Edge(before=need.step, after=step.id, per_target=need.per_target) for step in nodes for need in needs[step.id]
    )
    return StepGraph(runbook=runbook.name, title=runbook.title, run=run, nodes=nodes, edges=edges)


def _node(flat: FlatStep, *, layer: int, critical: bool, outcome: str) -> Node:
    step = flat.step
    action = step.action.name if step.action else "import"
    return Node(
        id=step.id,
        name=step.name or step.id,
        action=action,
        targets=step.targets,
        gate=action.startswith("gate."),
        layer=layer,
        critical=critical,
        outcome=outcome,
    )


def _as_written(value: JsonObject, scope: ScopeValues) -> JsonObject:
    """Take an import's inputs as they are: a drawing needs no values."""
    del scope
    return value
