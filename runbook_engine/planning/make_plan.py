"""Makes the plan: resolves targets, loops, batches and edges, orders the steps, and takes the fingerprint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.json import JsonObject, JsonValue, digest
from runbook_engine.model.plan import Plan, PlannedStep, ScopeValues
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Need, Step
from runbook_engine.planning.amounts import batches, resolve
from runbook_engine.planning.edges import all_needs
from runbook_engine.planning.flatten import FlatStep, ReadInputs, Source, flatten
from runbook_engine.planning.graph import critical_path, find_cycle, order
from runbook_engine.planning.plan_time import at_plan_time, loop_items, plan_scope
from runbook_engine.planning.targets import TargetPatternError, choose_targets
from runbook_engine.ports.catalog import Catalog

Limit = str | frozenset[str]
# Each step as JSON, by the object, which the plan keeps alive.
_Written = dict[int, dict[str, JsonValue]]
_Choose = Callable[[str, Limit | None], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan, or why there is none."""

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...] = ()


def make_plan(
    source: Source,
    inventory: Inventory,
    inputs: JsonObject,
    catalog: Catalog,
    *,
    limit: Limit | None = None,
    read_inputs: ReadInputs | None = None,
) -> PlanResult:
    """Resolve a runbook for an inventory and inputs.

    Args:
        source: the loaded runbook, free of errors.
        inputs: complete and typed.
        limit: host pattern, or names of targets, that steps with targets of the inventory are limited to; steps on the
            implicit localhost (approvals, cloud actions, messages) are done all the same.
    """
    runbook = source.runbook
    if runbook is None:
        return PlanResult(None)

    def render_inputs(value: JsonObject, scope: ScopeValues) -> JsonObject:
        rendered = at_plan_time(value, plan_scope(scope, inventory), "an import's inputs")
        return cast("JsonObject", rendered)

    flat = flatten(source, inputs, read_inputs=read_inputs, render=render_inputs)
    found = list(flat.diagnostics)
    needs = {step.step.id: all_needs(step, flat.scopes[step.scope], catalog) for step in flat.steps}
    found += _unknown_needs(flat.steps, needs)
    names = {step: tuple(need.step for need in edges) for step, edges in needs.items()}
    if found:
        return PlanResult(None, tuple(found))
    if cycle := find_cycle(names):
        first = next(step for step in flat.steps if step.step.id in cycle)
        return PlanResult(None, (diagnostic("RB206", first.place("needs"), f"cycle: {' → '.join(cycle)}"),))
    by_id = {step.step.id: step for step in flat.steps}
    planned: list[PlannedStep] = []
    # Long runbooks name the same few patterns over and over.
    chosen: _Choose = cache(lambda pattern, limited: choose_targets(inventory, pattern, limit=limited))
    written: _Written = {}
    for name in order(names):
        step = by_id[name]
        try:
            planned.append(_plan_step(step, needs[name], flat.scopes[step.scope], inventory, limit, chosen, written))
        except _StepError as error:
            found.append(error.diagnostic)
    found += _unlike_targets(planned, by_id)
    if found:
        return PlanResult(None, tuple(found))
    weights = {step.id: step.step.timeout.total_seconds() if step.targets else 0.0 for step in planned}
    plan = Plan(
        runbook=runbook,
        inventory=inventory,
        steps=tuple(planned),
        scopes=tuple(flat.scopes),
        critical_path=tuple(critical_path(names, weights)),
        communications=tuple(talk.planned for talk in flat.communications),
    )
    return PlanResult(plan.model_copy(update={"fingerprint": _fingerprint(plan, written)}))


def _fingerprint(plan: Plan, written: _Written) -> str:
    """Give the SHA-256 over everything that decides what the plan does: steps, inputs, targets, their variables."""
    used = sorted({target for step in plan.steps for target in step.targets})
    runbook = plan.runbook.model_dump(mode="json", exclude={"files", "steps"}, by_alias=True)
    # Those that were renamed, or are imports, were not written as they stand here.
    runbook["steps"] = [written.get(id(step)) or _meaning(step) for step in plan.runbook.steps]
    parts: dict[str, JsonValue] = {
        "runbook": runbook,
        "steps": [step.digest for step in plan.steps],
        "scopes": [scope.model_dump(mode="json") for scope in plan.scopes],
        "targets": {name: plan.target(name).model_dump(mode="json") for name in used},
    }
    if plan.communications:
        parts["communications"] = [talk.model_dump(mode="json") for talk in plan.communications]
    return digest(parts)


class _StepError(Exception):
    """A step that can't be planned."""

    def __init__(self, found: Diagnostic) -> None:
        super().__init__(found.message)
        self.diagnostic = found


def _plan_step(
    flat: FlatStep,
    needs: tuple[Need, ...],
    values: ScopeValues,
    inventory: Inventory,
    limit: Limit | None,
    chosen: _Choose,
    written: _Written,
) -> PlannedStep:
    step = flat.step
    as_json = written[id(step)] = _meaning(step)
    targets = _targets(flat, inventory, limit, chosen)
    items = _items(flat, values, inventory)
    sizes = batches(step.batch, len(targets))
    each = 1 if items is None else len(items)
    tasks = tuple(size * each for size in sizes if size * each)
    return PlannedStep(
        step=step,
        needs=needs,
        targets=targets if each else (),
        items=items,
        batches=tasks,
        max_failures=resolve(step.max_failures, sum(tasks), least=0),
        scope=flat.scope,
        digest=digest(
            {
                "step": as_json,
                "items": items,
                "needs": as_json["needs"] if needs is step.needs else [need.model_dump(mode="json") for need in needs],
            }
        ),
    )


def _meaning(step: Step) -> dict[str, JsonValue]:
    """Give a step without what nothing is done by: a better guess of how long it takes is no other plan."""
    return step.model_dump(mode="json", exclude={"takes"})


def _targets(flat: FlatStep, inventory: Inventory, limit: Limit | None, chosen: _Choose) -> tuple[str, ...]:
    pattern = flat.step.targets
    if pattern == LOCALHOST and LOCALHOST not in inventory.targets:
        return (LOCALHOST,)
    try:
        everything = chosen(pattern, None)
        kept = everything if limit is None else chosen(pattern, limit)
    except TargetPatternError as error:
        raise _StepError(diagnostic("RB209", flat.place("targets"), error.message, error.hint)) from None
    if not everything:
        text = f"no target of inventory {inventory.name} matches {pattern!r}"
        raise _StepError(diagnostic("RB209", flat.place("targets"), text, "a step that runs nowhere proves nothing"))
    return kept


def _items(flat: FlatStep, values: ScopeValues, inventory: Inventory) -> tuple[JsonValue, ...] | None:
    try:
        return loop_items(flat.step, values, inventory)
    except RunbookError as error:
        raise _StepError(diagnostic("RB212", flat.place("loop"), error.message, error.hint)) from None


def _unknown_needs(steps: list[FlatStep], needs: Mapping[str, tuple[Need, ...]]) -> list[Diagnostic]:
    """Find edges that lead to no step (lint says more of them; this keeps a plan from being made)."""
    known = set(needs)
    return [
        diagnostic("RB203", flat.place("needs"), f"step {flat.step.id} needs {need.step}, and there is no such step")
        for flat in steps
        for need in needs[flat.step.id]
        if need.step not in known
    ]


def _unlike_targets(planned: list[PlannedStep], by_id: Mapping[str, FlatStep]) -> list[Diagnostic]:
    """Find edges target by target between steps that run on different targets."""
    targets = {step.id: step.targets for step in planned}
    return [
        diagnostic(
            "RB210",
            by_id[step.id].place("needs"),
            f"{step.id} needs {need.step}@target, but they run on different targets",
            f"give both the same pattern (targets: {by_id[need.step].step.targets})",
        )
        for step in planned
        for need in step.needs
        if need.per_target and set(step.targets) != set(targets.get(need.step, ()))
    ]
