"""Values that a plan is made of: what templates may use before the run, and what they give then."""

from runbook_engine.expressions.render import evaluate, render
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.json import JsonValue
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.runbook import Step


def plan_scope(values: ScopeValues, inventory: Inventory, step: Step | None = None) -> Scope:
    """Give the names that are known before the run: no target, no steps, no run."""
    return Scope(
        target=inventory.target(LOCALHOST),
        inventory=InventoryView(inventory),
        inputs=values.inputs,
        runbook_vars=values.vars,
        step_vars=step.vars if step else {},
    )


def at_plan_time(value: JsonValue, scope: Scope, what: str) -> JsonValue:
    """Render a value.

    Raises:
        RunbookError: it can't be rendered, or is not known before the run.
    """
    rendered = render(value, scope)
    if rendered.unknown or rendered.secrets:
        raise RunbookError(f"{what} must be known before the run: no step's output and no secret")
    return rendered.value


def loop_items(step: Step, values: ScopeValues, inventory: Inventory) -> tuple[JsonValue, ...] | None:
    """Give the items of a step's loop; None when it has none.

    Raises:
        RunbookError: they can't be told before the run, or are no list.
    """
    if step.loop is None:
        return None
    scope = plan_scope(values, inventory, step)
    loop = step.loop
    found = evaluate(loop, scope) if isinstance(loop, str) else at_plan_time(list(loop), scope, "a loop")
    if not isinstance(found, list | tuple):
        raise RunbookError(f"loop gives {type(found).__name__}, and must give a list")
    return tuple(found)
