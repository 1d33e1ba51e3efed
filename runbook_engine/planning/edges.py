"""Every edge of the DAG: those that `needs` names and those that references in templates imply."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from runbook_engine.expressions.facts import NOTHING, Facts
from runbook_engine.expressions.references import facts_in
from runbook_engine.model.json import JsonValue
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.runbook import Need, Step
from runbook_engine.planning.flatten import FlatStep
from runbook_engine.ports.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Template:
    """A part of a step that holds templates: its path, and what can be said of them."""

    path: tuple[str | int, ...]
    facts: Facts


def templates_of(step: Step, catalog: Catalog) -> list[Template]:
    """Give every part of a step that holds templates; most values of a long runbook are plain, and not in it."""
    found: list[Template] = []
    if step.action is not None:
        action = catalog.get(step.action.name)
        bare = action.expressions if action else ()
        for name, value in step.action.params.items():
            # Written out, because a long runbook has hundreds of thousands of these.
            if name in bare or not isinstance(value, str) or "{" in value:
                add_template(found, ("params", name), value, bare=name in bare)
    if isinstance(step.when, str):
        add_template(found, ("when",), step.when, bare=True)
    if step.retry.until is not None:
        add_template(found, ("retry", "until"), step.retry.until, bare=True)
    for name, value in step.vars.items():
        add_template(found, ("vars", name), value)
    for name, value in step.environment.items():
        add_template(found, ("environment", name), value)
    if step.revert is not None:
        for name, value in step.revert.params.items():
            add_template(found, ("revert", name), value)
    return found


def add_template(found: list[Template], path: tuple[str | int, ...], value: JsonValue, *, bare: bool = False) -> None:
    """Add a value's templates if it holds any; with `bare` it is an expression without braces."""
    facts = facts_in(value, bare=bare)
    if facts is not NOTHING:
        found.append(Template(path, facts))


def all_needs(
    flat: FlatStep, scope: ScopeValues, catalog: Catalog, templates: Sequence[Template] | None = None
) -> tuple[Need, ...]:
    """Give a step's edges, implied ones included, sorted, each once; a written edge wins over an implied one.

    Args:
        templates: what `templates_of` gives for the step, for those who have it.
    """
    known = templates_of(flat.step, catalog) if templates is None else templates
    more = implied(flat.step, scope.vars, known) if known else ()
    if not more and all(before.step < after.step for before, after in pairwise(flat.needs)):
        return flat.needs
    needs = {need.step: need for need in flat.needs}
    for reference in sorted(more):
        needs.setdefault(scope.prefix + reference, Need(step=scope.prefix + reference))
    return tuple(needs[name] for name in sorted(needs))


def implied(step: Step, runbook_vars: Mapping[str, JsonValue], templates: Iterable[Template]) -> set[str]:
    """Give the ids that a step's templates refer to, also through the runbook's vars that they use."""
    references: set[str] = set()
    names: set[str] = set()
    for template in templates:
        if template.path[0] == "revert":
            continue  # it is rendered when the run is over, and knows all of it
        references |= template.facts.references
        names |= template.facts.names
    seen: set[str] = set()
    while fresh := {name for name in names if name in runbook_vars and name not in seen and name not in step.vars}:
        for name in fresh:
            seen.add(name)
            facts = facts_in(runbook_vars[name])
            references |= facts.references
            names |= facts.names
    return references
