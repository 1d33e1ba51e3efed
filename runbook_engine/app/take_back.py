"""What follows when a step with `on_failure: revert` failed: the run is taken back by a run of its own, at once."""

from collections.abc import Callable
from dataclasses import replace

from runbook_engine.app.prepare import PlanRequest, PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_requests import RunRequest, RunResult
from runbook_engine.app.undo import NothingToUndoError, PreparedUndo, prepare_undo
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener


def take_back(
    project: OpenProject,
    journal: Journal,
    run: str,
    *,
    start: Callable[[RunRequest, PreparedPlan], RunResult],
    listener: Listener,
    forks: int | None,
    operator: str | None,
    accept_changes: bool = False,
) -> RunResult:
    """Undo what a run changed whose end is recorded, after what stays as it is was told.

    While it is not known what became of one of its attempts, nothing is undone: what needs that attempt might be undone
    first, or its effect come after the undoing. A person says what became of it, and a resume goes on.

    Args:
        start: opens the run that takes it back, and advances it.

    Raises:
        InvalidInputError: the plan is another by now.
    """
    state = RunState(run, journal.read(run))
    opened, due = state.opened, state.revert_due
    if opened is None or due is None:
        raise InvalidInputError(f"run {run} is not one to be taken back")
    try:
        undo = prepare_undo(project, journal, run, accept_changes=accept_changes)
    except NothingToUndoError as nothing:
        listener.warning(nothing.message)
        return RunResult(run, "failed")
    for line in what_stays(undo):
        listener.warning(line)
    if undo.doubtful:
        listener.warning(f"nothing is undone before somebody says what became of {', '.join(undo.doubtful)}")
        return RunResult(run, "waiting")
    request = RunRequest(
        plan=PlanRequest(runbook=opened.runbook),
        mode=opened.mode,
        forks=forks,
        note=f"step {due.step} of run {run} failed",
        live_inventory=opened.live_inventory,
        operator=operator,
    )
    return replace(start(request, undo.prepared), failed=run)


def what_stays(undo: PreparedUndo) -> list[str]:
    """Name what is not undone, a line each, for people."""
    lines = []
    for kept in undo.kept:
        tasks = "1 task" if kept.tasks == 1 else f"{kept.tasks} tasks"
        lines.append(f"stays as it is: {kept.step} ({tasks}): {kept.why}")
    why = "nobody knows whether it changed something (`runbook resolve` tells)"
    lines += [f"stays as it is: {task}: {why}" for task in undo.doubtful]
    why = "found done after an interruption; nobody knows whether the run did it"
    return [*lines, *(f"stays as it is: {task}: {why}" for task in undo.found)]
