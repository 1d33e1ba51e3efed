"""Whether an attempt in doubt began where nobody can look from here: on another machine's localhost."""

from runbook_engine.execution.state import RunState
from runbook_engine.model.connection_variables import is_local
from runbook_engine.model.inventory import Target


def begun_elsewhere(state: RunState, task: str, target: Target) -> str:
    """Name the machine on which it began, when `target` is another machine by now; empty otherwise."""
    began = state.task(task)
    if not began.unproven_end or not began.machine or began.machine == state.machine:
        return ""
    return began.machine if is_local(target.name, target.variables) else ""
