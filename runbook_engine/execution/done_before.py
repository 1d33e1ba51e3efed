"""What an earlier part of the run did, and need not be done again; pure."""

from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import TaskState
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan


def done_before(plan: Plan, state: RunState) -> dict[int, Outcome]:
    """Give the tasks (by index in the plan) that ended well (or count so) and still mean what they meant then.

    A task of a step that was changed since is made anew (its check finds what is there), and an approval is for the
    plan that it was given for.
    """
    found, tasks, digests = plan.task_index, plan.tasks, [step.digest for step in plan.steps]
    done: dict[int, Outcome] = {}
    for name, task in state.tasks.items():
        if (index := found.get(name)) is None or (outcome := task.counts_as) is None or not outcome.ended_well:
            continue
        if not _is_outdated(task, digests[tasks[index].step], state.fingerprint):
            done[index] = outcome
    return done


def _is_outdated(task: TaskState, digest: str, fingerprint: str) -> bool:
    """Whether the step was changed since the task ended, or its approval was for another plan."""
    changed = task.digest is not None and task.digest != digest
    return changed or (task.opened is not None and task.opened.fingerprint != fingerprint)
