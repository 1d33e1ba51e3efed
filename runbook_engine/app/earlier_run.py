"""A run that is fed with the outcome of a run of another runbook, as a failback is with the failover's."""

import json
from datetime import datetime

from runbook_engine.app.undo import taken_back_by
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import TaskState
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.event import RunOpened
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.names import step_of, target_of
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.journal import Journal

MOST_CHARACTERS = 2000
"""An output that is longer as JSON is left out: every event's record would carry it."""


def read_earlier_run(
    journal: Journal, run: str, mode: Mode, *, even_if_failed: str = ""
) -> tuple[RunOpened, JsonObject]:
    """Give how a run was opened, and what templates are to know of it.

    Args:
        mode: of the run that is to be fed.
        even_if_failed: why a run that did not succeed will do; empty: it will not.

    Raises:
        UsageError: that run is not over, did not succeed, was taken back, or was not as real as this one is to be.
    """
    state = RunState(run, journal.read(run))
    opened = state.opened
    if opened is None:
        raise InvalidInputError(f"run {run} was never opened")
    status = _status(journal, state, opened, even_if_failed)
    if opened.mode is Mode.DRY_RUN:
        raise UsageError(f"run {run} was a dry run: it did nothing that another run could go by")
    if mode is not Mode.DRY_RUN and opened.mode is not mode:
        hint = "a drill's run feeds a drill (--drill), a live run a live one; a dry run goes by either"
        raise UsageError(f"run {run} was a {opened.mode.value} run, and this is to be a {mode.value} run", hint=hint)
    inputs: JsonObject = dict(opened.inputs)
    steps: JsonObject = {step.id: _step(state, step.id) for step in state.steps}
    told: JsonObject = {
        "id": run,
        "runbook": opened.runbook,
        "inventory": opened.inventory,
        "mode": opened.mode.value,
        "status": status,
        "accepted": even_if_failed if status != "succeeded" else "",
        "started_at": _moment(state.opened_at),
        "inputs": inputs,
        "steps": steps,
    }
    return opened, told


def _status(journal: Journal, state: RunState, opened: RunOpened, even_if_failed: str) -> str:
    """Refuse a run whose outcome can't be relied on."""
    run = state.run
    if opened.reverts:
        raise UsageError(f"run {run} took run {opened.reverts} back; no other run can go by it")
    if other := taken_back_by(journal, run):
        raise UsageError(f"run {run} was taken back by run {other}: what it did counts no more")
    if state.closed is None:
        raise UsageError(f"run {run} is not over", hint=f"runbook resume {run}")
    if state.closed.status != "succeeded" and not even_if_failed:
        raise UsageError(
            f"run {run} did not succeed ({state.closed.status})",
            hint=f'`runbook resume {run}` first, or say why it will do: --even-if-failed --reason "why"',
        )
    return state.closed.status


def _step(state: RunState, step: str) -> JsonValue:
    """Give a step's outputs as `steps['id']` has them: of its only task by name, else below `targets`."""
    tasks = {name: task for name, task in state.tasks.items() if step_of(name) == step}
    outcomes = {task.counts_as.value if task.counts_as else "" for task in tasks.values()}
    outcome: JsonObject = {"outcome": outcomes.pop() if len(outcomes) == 1 else "mixed" if outcomes else ""}
    targets: JsonObject = {target_of(name): _outputs(task) for name, task in tasks.items()}
    only = _outputs(next(iter(tasks.values()))) if len(tasks) == 1 else {}
    return {**only, "targets": targets, **outcome}


def _outputs(task: TaskState) -> JsonObject:
    return {name: value for name, value in task.outputs.items() if len(json.dumps(value)) <= MOST_CHARACTERS}


def _moment(time: datetime | None) -> str:
    return time.isoformat() if time else ""
