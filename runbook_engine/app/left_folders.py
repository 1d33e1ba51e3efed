"""What commands of a run's earlier part left on their targets when the engine was killed before it tidied up."""

from collections.abc import Callable, Container

from runbook_engine.app.hands import EngineHands
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.plan import Plan
from runbook_engine.ports.catalog import Catalog

# What one connection had not yet tidied up is at most what ran beside one start.
_MOST = 32


def forget_left(
    plan: Plan,
    state: RunState,
    catalog: Catalog,
    hands: EngineHands,
    warn: Callable[[str], None],
    *,
    far: Container[str] = (),
) -> None:
    """Let the folders of commands go that ended before a resume: they hold output as it was, secrets and all.

    Nothing is sent for it alone: it goes with the next command on the target, or at the run's end.

    Args:
        far: targets that are none of this machine's business: workers tidy up there.
    """
    if not state.tasks:
        return
    left: dict[tuple[str, str | None], list[str]] = {}
    for index, planned in enumerate(plan.steps):
        action = catalog.get(planned.step.action.name) if planned.step.action is not None else None
        if action is None or action.effect != "token":
            continue
        user = planned.step.become_user if planned.step.become else None
        for task in plan.tasks_of(index):
            known = state.tasks.get(task.id)
            if known is not None and known.attempts and known.phase is Phase.ENDED and task.target not in far:
                left.setdefault((task.target, user), []).append(task.id)
    for (target, user), tasks in left.items():
        try:
            connection = hands.connection(plan.target(target), become_user=user)
            for token in (token for task in tasks[-_MOST:] for token in state.tokens(task)[-_MOST:]):
                connection.forget_detached(token)
            connection.close()
        except RunbookError as error:
            warn(f"{target}: folders of commands that ended could not be removed: {error.message}")
