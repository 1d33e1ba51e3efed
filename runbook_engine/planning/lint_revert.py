"""Lint of `on_failure: revert`: what it is to take back can be undone."""

from collections.abc import Iterator, Mapping, Sequence

from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import OnFailure, Step
from runbook_engine.planning.flatten import FlatStep
from runbook_engine.ports.action import Gate
from runbook_engine.ports.catalog import Catalog


def lint_taken_back(
    steps: Sequence[FlatStep], needs: Mapping[str, Sequence[str]], catalog: Catalog
) -> Iterator[Diagnostic]:
    """Name what a step that takes the run back depends on, and nobody said how to undo.

    Args:
        needs: ids of the steps that each step needs; without a cycle.
    """
    for step in steps:
        if step.step.on_failure is not OnFailure.REVERT:
            continue
        seen: set[str] = set()
        todo = list(needs.get(step.step.id, ())) if _is_single(step.step) else [step.step.id]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += needs.get(name, ())
        found = [one.step.id for one in steps if one.step.id in seen and not can_be_undone(one.step, catalog)]
        if found:
            text = f"if {step.step.id} fails, what these changed can't be taken back: {', '.join(found)}"
            hint = "give them a `revert`, or be content that they stay (they are listed before anything is undone)"
            yield diagnostic("RB217", step.place("on_failure"), text, hint)


def can_be_undone(step: Step, catalog: Catalog) -> bool:
    """Whether a step changes nothing, or what it changes can be undone."""
    return not changes_something(step, catalog) or has_undoing(step, catalog)


def changes_something(step: Step, catalog: Catalog) -> bool:
    """Whether a step may change something at its targets; waiting changes nothing, nor does a write that is refused."""
    action = catalog.get(step.action.name) if step.action is not None else None
    if step.action is None or action is None or isinstance(action, Gate) or action.name.startswith(("wait.", "fence.")):
        return False
    if action.name == "sql.query" and step.action.params.get("changes", False) is False:
        return False
    return hasattr(action, "apply")


def has_undoing(step: Step, catalog: Catalog) -> bool:
    """Whether somebody said how the step is undone: itself, or its action."""
    action = catalog.get(step.action.name) if step.action is not None else None
    return step.revert is not None or hasattr(action, "revert")


def _is_single(step: Step) -> bool:
    """Whether it has one task, which changed nothing when it failed."""
    return step.targets == "localhost" and step.loop is None
