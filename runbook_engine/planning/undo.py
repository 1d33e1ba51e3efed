"""Makes the plan that takes a run back: what it changed, in the opposite order; pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from runbook_engine.model.json import digest
from runbook_engine.model.plan import Plan, PlannedStep
from runbook_engine.model.runbook import Need, OnFailure, Retry, Step
from runbook_engine.planning.graph import critical_path, order
from runbook_engine.ports.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Kept:
    """A step that changed something and stays as it is: nobody said how it is undone.

    Attributes:
        why: for people.
    """

    step: str
    action: str
    tasks: int
    why: str


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """How a run is taken back.

    Attributes:
        plan: its steps have the ids of those that they undo, so that both runs speak of the same tasks.
        kept: what changed and can't be undone, in the order of the run.
    """

    plan: Plan
    kept: tuple[Kept, ...]


def undo_plan(plan: Plan, changed: AbstractSet[str], catalog: Catalog, *, of: str) -> UndoPlan:
    """Give the plan that undoes what a run changed, newest first: a step is undone after all that needed it.

    Args:
        plan: of the run that is taken back.
        changed: ids of the tasks that it changed.
        of: the run's id; the same steps of another run make another plan.
    """
    undone: dict[str, PlannedStep] = {}
    kept: list[Kept] = []
    for index, planned in enumerate(plan.steps):
        tasks = [task for task in plan.tasks_of(index) if task.id in changed]
        if not tasks or planned.step.action is None:
            continue
        step, why = _undoing(planned.step, catalog)
        if step is None:
            kept.append(Kept(planned.id, planned.step.action.name, len(tasks), why))
            continue
        targets = tuple(dict.fromkeys(task.target for task in tasks))
        each = 1 if planned.items is None else len(planned.items)
        undone[planned.id] = planned.model_copy(
            update={
                "step": step,
                "needs": (),
                "targets": targets,
                "batches": (len(targets) * each,),
                "max_failures": 0,
                "undoes": planned.step.revert is None,
                "digest": digest({"undo": planned.digest, "of": of, "targets": list(targets)}),
            }
        )
    needs = _opposite(plan, undone.keys())
    weights = {name: step.step.timeout.total_seconds() for name, step in undone.items()}
    steps = tuple(
        undone[name].model_copy(update={"needs": tuple(Need(step=other) for other in sorted(needs[name]))})
        for name in order(needs)
    )
    made = Plan(
        runbook=plan.runbook,
        inventory=plan.inventory,
        steps=steps,
        scopes=plan.scopes,
        critical_path=tuple(critical_path(needs, weights)),
        fingerprint=digest({"undo": plan.fingerprint, "of": of, "steps": [step.digest for step in steps]}),
    )
    return UndoPlan(made, tuple(kept))


def _undoing(step: Step, catalog: Catalog) -> tuple[Step | None, str]:
    """Give the step that undoes a step, or why there is none."""
    assert step.action is not None  # noqa: S101 - imports were flattened; mypy can't see it
    plain: dict[str, object] = {
        "needs": (),
        "when": None,
        "batch": (),
        "parallel": None,
        "max_failures": 0,
        "on_failure": OnFailure.STOP,
        "always": False,
        "retry": Retry(attempts=step.retry.attempts, delay=step.retry.delay, max_delay=step.retry.max_delay),
        "timeout": step.timeout or timedelta(minutes=30),
        "revert": None,
    }
    if step.revert is not None:
        return step.model_copy(update={**plain, "action": step.revert}), ""
    action = catalog.get(step.action.name)
    if action is None:
        return None, f"there is no action {step.action.name} here"
    if not hasattr(action, "revert"):
        return None, f"{step.action.name} can't be undone, and the step has no `revert`"
    return step.model_copy(update=plain), ""


def _opposite(plan: Plan, wanted: AbstractSet[str]) -> Mapping[str, tuple[str, ...]]:
    """Turn the edges round, also those that lead over steps that are not among the wanted ones."""
    followers: dict[str, set[str]] = {planned.id: set() for planned in plan.steps}
    for planned in reversed(plan.steps):
        # Whatever follows this step is known by now: what is wanted stands for itself, the rest for what follows it.
        here = {planned.id} if planned.id in wanted else followers[planned.id]
        for need in planned.needs:
            followers[need.step] |= here
    return {name: tuple(sorted(followers[name])) for name in wanted}
