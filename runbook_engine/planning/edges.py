"""Every edge of the DAG: those that `needs` names and those that references in templates imply."""

from collections.abc import Mapping

from runbook_engine.expressions.references import names_used, references_in
from runbook_engine.model.json import JsonValue
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.runbook import Need, Step
from runbook_engine.planning.flatten import FlatStep
from runbook_engine.ports.action import Catalog


def templates_of(step: Step, catalog: Catalog) -> list[tuple[tuple[str | int, ...], JsonValue, bool]]:
    """Give every part of a step that may hold templates: its path, its value, whether it is a bare expression."""
    found: list[tuple[tuple[str | int, ...], JsonValue, bool]] = []
    if step.action is not None:
        action = catalog.get(step.action.name)
        bare = action.expressions if action else ()
        found += [(("params", name), value, name in bare) for name, value in step.action.params.items()]
    if isinstance(step.when, str):
        found.append((("when",), step.when, True))
    if step.retry.until is not None:
        found.append((("retry", "until"), step.retry.until, True))
    found += [(("vars", name), value, False) for name, value in step.vars.items()]
    found += [(("environment", name), value, False) for name, value in step.environment.items()]
    if step.revert is not None:
        found += [(("revert", name), value, False) for name, value in step.revert.params.items()]
    return found


def all_needs(flat: FlatStep, scope: ScopeValues, catalog: Catalog) -> tuple[Need, ...]:
    """Give a step's edges, implied ones included, sorted, each once; a written edge wins over an implied one."""
    needs = {need.step: need for need in flat.needs}
    for reference in sorted(implied(flat.step, scope.vars, catalog)):
        needs.setdefault(scope.prefix + reference, Need(step=scope.prefix + reference))
    return tuple(needs[name] for name in sorted(needs))


def implied(step: Step, runbook_vars: Mapping[str, JsonValue], catalog: Catalog) -> frozenset[str]:
    """Give the ids that a step's templates refer to, also through the runbook's vars that they use."""
    references: set[str] = set()
    names: set[str] = set()
    for _path, value, bare in templates_of(step, catalog):
        references |= references_in(value, bare=bare)
        names |= names_used(value, bare=bare)
    seen: set[str] = set()
    while fresh := {name for name in names if name in runbook_vars and name not in seen and name not in step.vars}:
        for name in fresh:
            seen.add(name)
            references |= references_in(runbook_vars[name])
            names |= names_used(runbook_vars[name])
    return frozenset(references)
