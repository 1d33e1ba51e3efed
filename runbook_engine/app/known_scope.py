"""The names that a task's templates see, as far as they are known before the run."""

from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.plan import Plan, Task


def known_scope(plan: Plan, task: Task, inventory: InventoryView) -> Scope:
    """Give a task's scope without steps and run."""
    planned = plan.steps[task.step]
    values = plan.scopes[planned.scope]
    return Scope(
        target=plan.target(task.target),
        inventory=inventory,
        inputs=values.inputs,
        runbook_vars=values.vars,
        step_vars=planned.step.vars,
        here={"item": planned.items[task.item]} if planned.items is not None else {},
    )
