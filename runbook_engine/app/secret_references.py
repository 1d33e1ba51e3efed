"""Which secrets a plan's steps will ask for, as far as that is known before the run, without reading any of them."""

from collections.abc import Callable, Iterator
from itertools import islice

from runbook_engine.app.known_scope import known_scope
from runbook_engine.expressions.placeholders import base_references
from runbook_engine.expressions.references import secret_references
from runbook_engine.expressions.render import render
from runbook_engine.expressions.scope import InventoryView
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.plan import Plan, PlannedStep
from runbook_engine.ports.catalog import Catalog

# Hosts of a group are alike in this, and a group may have ten thousand of them.
_MOST_TASKS = 50
_CALL = "secret"


def references_of(
    plan: Plan, catalog: Catalog, defaults: dict[str, JsonObject], project_file: Callable[[str], bytes]
) -> dict[str, str]:
    """Give each reference with the id of the first step, or the name of the communication, that has it.

    Not known are references that depend on the run's own outcomes, and those of a step's tasks beyond the first 50.

    Args:
        project_file: reads a template file of the project.
    """
    found: dict[str, str] = {}
    view = InventoryView(plan.inventory)
    by_vars = frozenset(number for number, scope in enumerate(plan.scopes) if _speaks(scope.vars))
    for index, planned in enumerate(plan.steps):
        values = [*_values(planned, catalog, defaults, project_file)]
        if planned.scope not in by_vars and not any(map(_speaks, values)):
            continue
        for reference in _of_step(plan, index, values, view):
            found.setdefault(reference, planned.id)
    for owed in plan.communications:
        calls = [call.params for call in (*owed.first, *owed.update, *owed.resolved)]
        for value in (*calls, plan.scopes[owed.scope].vars):
            for reference in _written(value):
                found.setdefault(reference, owed.name)
    return found


def _of_step(plan: Plan, index: int, values: list[JsonValue], view: InventoryView) -> Iterator[str]:
    for value in values:
        yield from _written(value)
    for task in islice(plan.tasks_of(index), _MOST_TASKS):
        scope = known_scope(plan, task, view)
        for value in values:
            try:
                rendered = render(value, scope)
            except RunbookError:
                # It depends on the run; what it says in so many words was given above.
                continue
            for reference in rendered.secrets.values():
                yield from base_references(reference)


def _written(value: JsonValue) -> Iterator[str]:
    return (base for reference in secret_references(value) for base in base_references(reference))


def _values(
    planned: PlannedStep, catalog: Catalog, defaults: dict[str, JsonObject], project_file: Callable[[str], bytes]
) -> Iterator[JsonValue]:
    """Give a step's templates, each by itself: one that depends on the run must not hide the others."""
    step = planned.step
    yield from step.environment.values()
    for call in (step.action, step.revert):
        if call is None:
            continue
        params = {**defaults.get(call.name, {}), **call.params}
        yield from params.values()
        action = catalog.get(call.name)
        for name in action.template_files if action is not None else ():
            path = params.get(name)
            if isinstance(path, str) and "{{" not in path:
                yield from _text(path, project_file)


def _text(path: str, project_file: Callable[[str], bytes]) -> Iterator[str]:
    try:
        yield project_file(path).decode()
    except (RunbookError, UnicodeDecodeError):
        return  # the step itself says what is wrong with its file


def _speaks(value: JsonValue) -> bool:
    """Tell whether any text in a value may ask for a secret."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            if _CALL in part:
                return True
        elif isinstance(part, dict):
            pending += part.values()
        elif isinstance(part, list | tuple):
            pending += part
    return False
