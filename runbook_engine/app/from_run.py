"""A new run in which what ended well in an earlier run counts as done: `runbook run NAME --from-run RUN`."""

from dataclasses import replace

from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_record import accepted_changes
from runbook_engine.app.run_requests import RunRequest
from runbook_engine.app.undo import planned_as_opened, taken_back_by
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import (
    Phase,
    TaskState,
)
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.event import AttemptFinished, RunOpened
from runbook_engine.model.outcome import Outcome, satisfied
from runbook_engine.model.plan import Plan
from runbook_engine.ports.journal import Journal

_DONE = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})


def prepare_rest(
    project: OpenProject, journal: Journal, run: str, request: RunRequest
) -> tuple[PreparedPlan, RunRequest]:
    """Plan an earlier run once more, with its own inputs, inventory and limit, to do what did not end well in it.

    Args:
        request: as the operator gave it; comes back with what it takes from that run.

    Raises:
        UsageError: the run is not over, left nothing to do, is of another runbook or mode, or nobody knows yet what
            became of one of its tasks.
        InvalidInputError: the plan is another by now.
        InvalidFilesError: the runbook or the inventory is not valid any more.
    """
    state = RunState(run, journal.read(run))
    opened = state.opened
    if opened is None:
        raise InvalidInputError(f"run {run} was never opened")
    _refuse_what_is_no_beginning(journal, state, opened)
    if opened.mode is not request.mode:
        hint = "a drill is gone on with by --drill; a dry run did nothing that could count"
        raise UsageError(
            f"run {run} was a {opened.mode.value} run, and this is to be a {request.mode.value} run", hint=hint
        )
    if project.runbook_path(request.plan.runbook) != project.runbook_path(opened.runbook_path or opened.runbook):
        raise UsageError(f"run {run} is of runbook {opened.runbook}", hint=f"runbook run {opened.runbook} --from-run …")
    prepared = planned_as_opened(project, opened)
    changed = accepted_changes(state, prepared.plan, prepared, project.catalog, accept=True)
    if changed is not None:
        raise InvalidInputError(
            f"the plan is not the one of run {run}: {'; '.join(changed.difference)}",
            hint="put the files back, or run all of it anew: checks find what is done already",
        )
    plan = replace(request.plan, limit=opened.limit, limit_hosts=opened.limit_hosts)
    return prepared, replace(request, plan=plan, skip={**opened.skip, **request.skip}, continues=run)


def done_elsewhere(journal: Journal, plan: Plan, state: RunState) -> list[AttemptFinished]:
    """Give the ends that a run takes from the earlier run that it was opened to go on from.

    They are written with the first lease, and again when that was never written: only tasks that nothing happened to.
    An approval is for the run that it was given in, and a condition is looked at anew.
    """
    run = state.opened.continues if state.opened is not None else ""
    if not run:
        return []
    return [
        _taken(name, task, run)
        for name, task in RunState(run, journal.read(run)).tasks.items()
        if name in plan.task_index and _counts(task) and state.task(name) == TaskState()
    ]


def continued_by(journal: Journal, run: str) -> str:
    """Give the id of the run that went on from this one; empty when none did."""
    for head in journal.runs():
        if head.id == run:
            break
        event = next(iter(journal.read(head.id))).event
        if isinstance(event, RunOpened) and event.continues == run:
            return head.id
    return ""


def _refuse_what_is_no_beginning(journal: Journal, state: RunState, opened: RunOpened) -> None:
    """Refuse a run that goes on by itself, has nothing left to do, or whose tasks may still have an effect."""
    if opened.reverts:
        raise UsageError(f"run {state.run} took run {opened.reverts} back; only it can go on with that")
    if state.closed is None:
        raise UsageError(f"run {state.run} is not over", hint=f"runbook resume {state.run}")
    if state.closed.status == "succeeded":
        raise UsageError(f"run {state.run} succeeded; there is nothing left to do")
    doubtful = [name for name, task in state.tasks.items() if task.phase in {Phase.DOUBT, Phase.RUNNING}]
    if doubtful:
        raise UsageError(
            f"nobody knows what became of {', '.join(doubtful)} in run {state.run}",
            hint=_find_out_first(state),
        )
    if state.revert_due is not None and not taken_back_by(journal, state.run):
        raise UsageError(f"run {state.run} is to be taken back first", hint=f"runbook resume {state.run}")
    if other := taken_back_by(journal, state.run):
        raise UsageError(f"run {state.run} was taken back by run {other}: what it did counts no more")
    if other := continued_by(journal, state.run):
        raise UsageError(f"run {other} went on from run {state.run} already", hint=f"runbook resume {other}")


def _find_out_first(state: RunState) -> str:
    if state.closed is not None and state.closed.status == "aborted":
        return f"look at the target, and say it first: runbook resolve {state.run} STEP done|retry --reason TEXT"
    return f"`runbook resume {state.run}` finds out first; a new run could do it twice"


def _counts(task: TaskState) -> bool:
    return task.opened is None and task.counts_as in _DONE


def _taken(name: str, task: TaskState, run: str) -> AttemptFinished:
    finding = satisfied(f"done in run {run}", outputs=task.outputs)
    return AttemptFinished(task=name, number=1, outcome=Outcome.UNCHANGED, finding=finding, outputs=task.outputs)
