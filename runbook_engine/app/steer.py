"""What an operator says to a run from any terminal: what becomes of a task that failed; pause, continue, abort."""

from typing import Literal

from runbook_engine.app.answer import find_task
from runbook_engine.app.decide_once import append_decided
from runbook_engine.app.project import OpenProject, actor, roles_of
from runbook_engine.app.sign import SigningKey, decision_signature
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import (
    Phase,
    TaskState,
)
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.event import (
    Actor,
    Event,
    HoldResolved,
    RunAbortRequested,
    RunContinued,
    RunPaused,
    StoredEvent,
)
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.journal import Journal

Decision = Literal["retry", "skip", "ignore"]
Order = Literal["pause", "continue", "abort"]

_FAILED = frozenset({Outcome.FAILED, Outcome.UNREACHABLE})


def decide(
    project: OpenProject,
    journal: Journal,
    run: str,
    step: str,
    decision: Decision,
    *,
    reason: str,
    person: str | Actor | None = None,
    key: SigningKey | None = None,
) -> list[StoredEvent]:
    """Decide about the held tasks of a step; where a run stopped before its end, about what failed or drifted, too.

    Args:
        step: the step, for all its held (or failed) tasks, or one of them (`deploy@web1`).
        key: sign each decision with it; None leaves them unsigned.

    Returns:
        The decisions, one for each task that they are about.

    Raises:
        UsageError: no reason was given, or the run is over.
        InvalidInputError: no such task waits for a decision; where somebody else was faster, it says who.
        RunbookError: they can't be signed; nothing was recorded.
    """
    _check_reason(reason, decision)
    speaker = actor(project.team, person)
    roles = roles_of(project.team, speaker)

    def decided(state: RunState) -> list[Event]:
        _check_open(state)
        held = journal.lease(f"run:{run}") is not None
        events: list[Event] = []
        for task in _undecided(state, step, live=held):
            event = _about(task, state, decision, reason, roles)
            if key is not None:
                signature = decision_signature(
                    event, key, run=run, signers=state.signers, name=speaker.name, team=project.team
                )
                event = event.model_copy(update={"signature": signature})
            events.append(event)
        return events

    return append_decided(journal, run, speaker, decided)


def _about(
    task: str, state: RunState, decision: Decision | Literal["abort"], reason: str, roles: tuple[str, ...]
) -> HoldResolved:
    number = state.task(task).attempts
    return HoldResolved(
        task=task, decision=decision, reason=reason, number=number, roles=roles, fingerprint=state.fingerprint
    )


def order_run(
    project: OpenProject,
    journal: Journal,
    run: str,
    order: Order,
    *,
    reason: str = "",
    cancel: bool = False,
    person: str | Actor | None = None,
) -> StoredEvent:
    """Pause a run, let it go on, or end it.

    Args:
        cancel: with `abort`, what runs is cancelled and not left to end.

    Raises:
        UsageError: an abort without a reason, or the run is over.
        InvalidInputError: the run is paused or to end already, or is not paused.
    """
    if order == "abort":
        _check_reason(reason, order)
    speaker = actor(project.team, person)
    roles = roles_of(project.team, speaker)

    def ordered(state: RunState) -> list[Event]:
        _check_open(state)
        plan = state.fingerprint
        match order:
            case "pause":
                if state.paused is not None:
                    raise InvalidInputError(f"run {run} is paused already", hint=f"to go on: runbook continue {run}")
                return [RunPaused(reason=reason, roles=roles, fingerprint=plan)]
            case "continue":
                if state.paused is None:
                    hint = "`runbook status` shows where it stands"
                    raise InvalidInputError(f"run {run} is not paused", hint=hint)
                return [RunContinued(reason=reason, roles=roles, fingerprint=plan)]
            case "abort":
                if state.abort is not None and (state.abort_cancels or not cancel):
                    raise InvalidInputError(
                        f"run {run} is to end already: {state.abort}",
                        hint=f"what runs is left to end; `runbook abort {run} --cancel` cancels it",
                    )
                return [RunAbortRequested(reason=reason, cancel=cancel, roles=roles, fingerprint=plan)]

    return append_decided(journal, run, speaker, ordered)[0]


def abort_at(
    project: OpenProject, journal: Journal, run: str, task: str, *, reason: str, person: str | Actor | None = None
) -> None:
    """End a run because of a held task: both are recorded.

    Raises:
        UsageError: no reason was given, or the run is over.
        InvalidInputError: the task is not held (any more).
    """
    _check_reason(reason, "abort")
    speaker = actor(project.team, person)
    roles = roles_of(project.team, speaker)

    def ended(state: RunState) -> list[Event]:
        _check_open(state)
        held = find_task(state, task, {Phase.HELD}, "is not held")
        order = RunAbortRequested(reason=reason, roles=roles, fingerprint=state.fingerprint)
        return [_about(held, state, "abort", reason, roles), order]

    append_decided(journal, run, speaker, ended)


def check_plan(journal: Journal, run: str, plan: str) -> None:
    """Make sure that a run has still the plan that somebody saw before they decided.

    Args:
        plan: its fingerprint.

    Raises:
        InvalidInputError: it has another one by now.
    """
    if RunState(run, journal.tally(run).events, whole=False).fingerprint != plan:
        raise InvalidInputError(
            f"the plan of run {run} is another one by now; nothing was recorded", hint="look at it as it is now"
        )


def open_run(journal: Journal, run: str) -> RunState:
    """Read where a run stands that is not over.

    Raises:
        UsageError: it is over.
    """
    state = RunState(run, journal.read(run))
    _check_open(state)
    return state


def _check_open(state: RunState) -> None:
    if state.closed is not None:
        failed = state.closed.status == "failed"
        hint = f"`runbook resume {state.run}` tries again what failed" if failed else "`runbook run` begins another one"
        raise UsageError(f"run {state.run} is over ({state.closed.status})", hint=hint)


def _undecided(state: RunState, step: str, *, live: bool) -> list[str]:
    """Find the tasks of a step that wait for a decision.

    What failed while a process advances the run is not held: it is tried again, or the steps that need it were told.
    """

    def waits(task: TaskState) -> bool:
        failed = task.phase is Phase.ENDED and task.outcome in _FAILED and not task.ignored
        drifted = task.phase is Phase.ENDED and task.drift is not None and not task.ignored
        return task.phase is Phase.HELD or ((failed or drifted) and not live)

    there = [name for name, task in state.tasks.items() if waits(task)]
    found = [name for name in there if name == step or step_of(name) == step]
    if found:
        return found
    named = [name for name in state.tasks if name == step or step_of(name) == step]
    if live and any(state.tasks[name].phase is Phase.ENDED and state.tasks[name].outcome in _FAILED for name in named):
        raise InvalidInputError(
            f"{step} of run {state.run} failed and is not held: it is tried again, or what needs it was blocked",
            hint=f"see `runbook status`; after the run's end `runbook resume {state.run}` tries it again",
        )
    hint = f"these wait for one: {', '.join(there)}" if there else "nothing of this run waits for one"
    raise InvalidInputError(f"{step} of run {state.run} waits for no decision", hint=hint)


def _check_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise UsageError(f"{what} needs a reason", hint='--reason "why"; it is kept in the journal')
