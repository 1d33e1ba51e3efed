"""Which good ends are looked at again when a run goes on, and which of them the rest of the run stands on; pure."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import TaskState
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import OnFailure
from runbook_engine.ports.action import (
    Action,
    Effect,
    Gate,
    Params,
)
from runbook_engine.ports.catalog import Catalog

MOST_LOOKS = 1000
_DONE = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True)
class Choice:
    """What is looked at again: indices of tasks, what the rest stands on first; and how many are not, by reason."""

    tasks: tuple[int, ...]
    left_out: Mapping[str, int]


def choose(plan: Plan, state: RunState, done: AbstractSet[int], catalog: Catalog, *, most: int = MOST_LOOKS) -> Choice:
    """Choose the tasks whose good end a check may still tell of.

    Args:
        done: indices of the tasks that ended well and are not done again.
        most: greatest number of looks; the nearest to what is yet to be done come first.
    """
    left_out: Counter[str] = Counter()
    actions = [_action(plan, step, catalog) for step in range(len(plan.steps))]
    by_step: dict[int, list[int]] = {}
    for index in sorted(done):
        task = plan.tasks[index]
        standing = state.task(task.id)
        if standing.outcome not in _DONE:
            continue
        if why := _why_not(standing, actions[task.step]):
            left_out[why] += 1
        else:
            by_step.setdefault(task.step, []).append(index)
    ordered = [index for step in _nearest_first(plan, done) for index in by_step.get(step, ())]
    if len(ordered) > most:
        left_out[f"more than {most} to look at; the nearest to what is yet to be done came first"] = len(ordered) - most
    return Choice(tuple(ordered[:most]), dict(left_out))


def stood_on(plan: Plan, done: Container[int], told: AbstractSet[int]) -> Iterator[int]:
    """Find the tasks that something yet to be done needs directly, or over steps that no check tells anything of.

    What lies further back may have been changed since by the very steps that came after it (stopped for the restore,
    started afterwards), so that its drift holds up nobody.

    Args:
        done: indices of the tasks that ended well.
        told: indices of the tasks of which a check told something.
    """
    telling = {plan.tasks[index].step for index in told}
    seen: set[tuple[int, str]] = set()
    follows = {step for step, planned in enumerate(plan.steps) if any(need.per_target for need in planned.needs)}
    todo = list(  # a step, and the target for which it is needed, "" for any
        dict.fromkeys(
            (task.step, task.target if task.step in follows else "")
            for index, task in enumerate(plan.tasks)
            if index not in done and not plan.steps[task.step].step.always
        )
    )
    while todo:
        step, target = todo.pop()
        for need in plan.steps[step].needs:
            other = plan.step_index[need.step]
            where = target if need.per_target else ""
            if plan.steps[other].step.on_failure is OnFailure.CONTINUE or {(other, where), (other, "")} & seen:
                continue
            seen.add((other, where))
            if other not in telling:
                todo.append((other, where))
    whole = {step for step, target in seen if not target}
    for index in told:
        task = plan.tasks[index]
        if task.step in whole or (task.step, task.target) in seen:
            yield index


def _action(plan: Plan, step: int, catalog: Catalog) -> Action[Params] | None:
    call = plan.steps[step].step.action
    return catalog.get(call.name) if call is not None else None


def _why_not(standing: TaskState, action: Action[Params] | None) -> str:
    """Say why a look is of no use; empty where it is."""
    if standing.opened is not None or isinstance(action, Gate):
        return "gates and manual tasks: people answered them"
    if standing.ignored:
        return "an operator let it be as it was found"
    if action is None:
        return "the action is not here"
    if action.effect is Effect.ONCE:
        return "no check can tell of them"
    return ""


def _nearest_first(plan: Plan, done: Container[int]) -> list[int]:
    """Give the steps by their distance from what is yet to be done; those that nothing of it needs come last."""
    left = dict.fromkeys(task.step for index, task in enumerate(plan.tasks) if index not in done)
    order = dict(left)
    level = list(left)
    while level:
        nearer = dict.fromkeys(plan.step_index[need.step] for step in level for need in plan.steps[step].needs)
        level = [step for step in nearer if step not in order]
        order.update(dict.fromkeys(level))
    # A step of which a part is left is not needed by itself: what is done of it comes after what is needed.
    rest = dict.fromkeys(range(len(plan.steps)))
    needed = [step for step in order if step not in left]
    return list(dict.fromkeys([*needed, *rest]))
