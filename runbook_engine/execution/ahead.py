"""Which attempts in doubt are settled before their turn: those behind a need that drifted since; pure."""

from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.plan import Plan


def behind_drift(plan: Plan, state: RunState) -> list[int]:
    """Give (by index in the plan) the attempts in doubt that would wait for what is held for its drift.

    Steps with a `mutex` wait for their turn: another task may have it by now.
    """
    drifted = {
        plan.tasks[plan.task_index[name]].step
        for name, task in state.tasks.items()
        if task.phase is Phase.HELD and task.drift is not None and name in plan.task_index
    }
    if not drifted or state.ends is not None:
        return []
    behind, todo = set(drifted), list(drifted)
    dependents: dict[int, list[int]] = {}
    for step, planned in enumerate(plan.steps):
        for need in planned.needs:
            dependents.setdefault(plan.step_index[need.step], []).append(step)
    while todo:
        for step in dependents.get(todo.pop(), ()):
            if step not in behind:
                behind.add(step)
                todo.append(step)
    return [
        index
        for index, task in enumerate(plan.tasks)
        if task.step in behind
        and plan.steps[task.step].step.mutex is None
        and task.id in state.tasks
        and state.tasks[task.id].phase in {Phase.RUNNING, Phase.DOUBT}
        and state.tasks[task.id].unproven_end
    ]
