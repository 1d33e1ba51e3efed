"""The use case `revert`: what a run changed is taken back by a run of its own, newest first."""

from dataclasses import dataclass, replace

from runbook_engine.app.find_run import find_run
from runbook_engine.app.prepare import PlanRequest, PreparedPlan, prepare_plan
from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_record import accepted_changes
from runbook_engine.execution.orders import Past, RunNames
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.errors import InvalidInputError, LeaseError, UsageError
from runbook_engine.model.event import RunOpened
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.planning.undo import Kept, undo_plan
from runbook_engine.ports.journal import Journal, RunHead


class NothingToUndoError(UsageError):
    """The run changed nothing that could be taken back."""


@dataclass(frozen=True, slots=True)
class PreparedUndo:
    """How a run is taken back.

    Attributes:
        prepared: the plan that does it, and the run it is made for.
        kept: what the run changed and nobody said how to undo.
        doubtful: tasks of which nobody knows whether they changed something; they are not undone.
        found: tasks that were found done after an interruption; whether the run did it nobody knows, so they stay.
    """

    prepared: PreparedPlan
    kept: tuple[Kept, ...]
    doubtful: tuple[str, ...]
    found: tuple[str, ...] = ()


def prepare_undo(
    project: OpenProject, journal: Journal, run: str, *, accept_changes: bool = False, by: str = ""
) -> PreparedUndo:
    """Read a run, plan it again as it was, and turn that round.

    Args:
        accept_changes: go on although the runbook or the inventory is not as it was.
        by: id of the run that takes it back, when that goes on.

    Raises:
        UsageError: the run changed nothing that could be taken back.
        InvalidInputError: the plan is another than the one that was run.
        InvalidFilesError: the runbook or the inventory is not valid any more.
    """
    state = RunState(run, journal.read(run))
    opened = state.opened
    if opened is None:
        raise InvalidInputError(f"run {run} was never opened")
    if opened.mode is Mode.DRY_RUN:
        raise UsageError(f"run {run} was a dry run: there is nothing to take back")
    if opened.reverts:
        raise UsageError(
            f"run {run} took run {opened.reverts} back; that is not undone in its turn",
            hint=f"run the runbook again: runbook run {opened.runbook}",
        )
    other = taken_back_by(journal, run)
    if other not in {"", by}:
        hint = f"if it did not come to its end: runbook resume {other}"
        raise UsageError(f"run {run} was taken back already, by run {other}", hint=hint)
    prepared = planned_as_opened(project, opened)
    accepted_changes(state, prepared.plan, prepared, project.catalog, accept=accept_changes)
    changed = {
        name
        for name, task in state.tasks.items()
        if task.phase is Phase.ENDED and task.outcome is Outcome.CHANGED and name in prepared.plan.task_index
    }
    undo = undo_plan(prepared.plan, changed, project.catalog, of=run)
    doubtful = tuple(name for name, task in state.tasks.items() if task.unproven_end)
    if not undo.plan.steps and not (state.revert_due and doubtful):
        what = "what it changed can't be undone" if undo.kept else "it changed nothing"
        raise NothingToUndoError(f"there is nothing to take back of run {run}: {what}")
    names = RunNames(
        id=run,
        mode=opened.mode,
        operator=journal_operator(journal, run),
        started_at=state.opened_at.isoformat() if state.opened_at else "",
    )
    past = Past(prepared.plan, state, names)
    found = tuple(name for name, task in state.tasks.items() if task.found_done)
    return PreparedUndo(replace(prepared, plan=undo.plan, past=past), undo.kept, doubtful, found)


def refuse_while_advanced(journal: Journal, run: str) -> None:
    """Come back when no process advances the run: what it changes is not all there yet.

    Raises:
        LeaseError: one does.
    """
    lease = journal.lease(f"run:{run}")
    if lease is not None:
        raise LeaseError(
            f"run {run} is still running, in {lease.holder}",
            hint=f"wait for its end, or end it first: runbook abort {run} --reason TEXT",
        )


def run_to_take_back(journal: Journal, name: str) -> RunHead:
    """Find the run that is meant; `last` is the newest that changed something itself.

    Raises:
        UsageError: there is none.
    """
    if name != "last":
        return find_run(journal, name)
    for head in journal.runs():
        event = next(iter(journal.read(head.id))).event
        if isinstance(event, RunOpened) and event.mode is not Mode.DRY_RUN and not event.reverts:
            return head
    raise UsageError("the journal has no run that could be taken back", hint="`runbook runs` lists those it has")


def planned_as_opened(project: OpenProject, opened: RunOpened) -> PreparedPlan:
    """Plan what a run was opened with once more, with the files of today.

    Raises:
        InvalidFilesError: they are not valid.
    """
    request = PlanRequest(
        runbook=opened.runbook_path or opened.runbook,
        inventories=opened.inventory_sources,
        limit=opened.limit,
        inputs=opened.inputs,
        limit_hosts=opened.limit_hosts,
    )
    prepared = prepare_plan(project, request)
    inventory = prepared.plan.inventory.model_copy(update={"name": opened.inventory})
    return replace(prepared, plan=prepared.plan.model_copy(update={"inventory": inventory}))


def taken_back_by(journal: Journal, run: str) -> str:
    """Give the id of the run that took this one back; empty when none did."""
    for head in journal.runs():
        if head.id == run:
            break
        event = next(iter(journal.read(head.id))).event
        if isinstance(event, RunOpened) and event.reverts == run and event.mode is not Mode.DRY_RUN:
            return head.id
    return ""


def journal_operator(journal: Journal, run: str) -> str:
    """Name who opened a run."""
    head = journal.head(run)
    return head.operator if head is not None else ""
