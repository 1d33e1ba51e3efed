"""Runs a runbook: the whole way from a request to the end of the run, in one place."""

import secrets as random_source
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_engine.app.from_run import continued_by, done_elsewhere
from runbook_engine.app.prepare import PreparedPlan
from runbook_engine.app.project import OpenProject, actor
from runbook_engine.app.run_record import accepted_changes, opened_event
from runbook_engine.app.run_requests import ResumeRequest, RunRequest, RunResult
from runbook_engine.app.take_back import take_back
from runbook_engine.app.tools import make_tools
from runbook_engine.app.undo import planned_as_opened, prepare_undo, taken_back_by
from runbook_engine.app.unlock import AskSecret, passphrases
from runbook_engine.execution.loop_tools import Interrupts, RunOptions
from runbook_engine.execution.orders import Past
from runbook_engine.execution.run_plan import run_plan
from runbook_engine.execution.state import RunState
from runbook_engine.journals.holder import this_machine, this_process
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.event import Actor, LeaseTaken, PlanAccepted, RunOpened
from runbook_engine.model.outcome import Mode
from runbook_engine.model.plan import Plan
from runbook_engine.model.signed_answer import signers
from runbook_engine.ports.journal import Journal, Lease
from runbook_engine.ports.listener import Listener

LEASE_SECONDS = 15.0


def run_runbook(
    project: OpenProject,
    request: RunRequest,
    prepared: PreparedPlan,
    journal: Journal,
    *,
    listener: Listener,
    interrupts: Interrupts,
    ask: AskSecret | None = None,
    opens: Mapping[Path, str] | None = None,
) -> RunResult:
    """Open a run of a prepared plan and advance it to its end (or to where it has to wait).

    Args:
        ask: asks a person for a secret, None when nobody is there.
        opens: passphrases that were asked for before, by file of the private key.

    Raises:
        InvalidInputError: a step to skip does not exist, or a drill's inventory is not marked as one.
        LeaseError: the same runbook runs against the same inventory already.
        JournalError: the journal can't be written.
    """
    plan = prepared.plan
    check_request(plan, request)
    speaker = actor(project.team, request.operator)
    opens = opens or passphrases(project, plan, ask)  # before any lease: a person may take longer than one lasts
    run = request.run or run_id(plan.runbook.name, datetime.now().astimezone())
    forks = request.forks or project.config.forks
    opened = opened_event(project, request, prepared, forks)
    holder = this_process()
    # One live run per runbook and inventory: dry runs disturb nobody.
    exclusive = None
    if request.mode is not Mode.DRY_RUN:
        name = f"runbook:{plan.runbook.name}|{plan.inventory.name}"
        exclusive = journal.take_lease(name, holder, LEASE_SECONDS * 4)
    try:
        lease = journal.take_lease(f"run:{run}", holder, LEASE_SECONDS)
        stored = journal.open_run(run, opened, speaker, lease=lease)
        listener.event(stored)
        state = RunState(run, [stored])
        options = RunOptions(
            run=run,
            mode=request.mode,
            forks=forks,
            wait=request.wait,
            skip=request.skip,
            no_recheck=request.no_recheck,
            lease_seconds=LEASE_SECONDS,
        )
        leases = _Leases(lease, exclusive)
        done = _advance(
            project, plan, state, journal, leases, speaker, listener, interrupts, options,
            took_over=False, opens=opens, past=prepared.past,
        )  # fmt: skip
    finally:
        if exclusive is not None:
            journal.release_lease(exclusive)
    if done.end == "failed" and state.revert_due is not None:
        return _taken_back(project, journal, run, listener, interrupts, opens, forks=forks, operator=request.operator)
    return done


def resume_run(
    project: OpenProject,
    request: ResumeRequest,
    journal: Journal,
    *,
    listener: Listener,
    interrupts: Interrupts,
    ask: AskSecret | None = None,
    opens: Mapping[Path, str] | None = None,
    known: RunState | None = None,
) -> RunResult:
    """Go on with a run where it stopped.

    Args:
        ask: asks a person for a secret, None when nobody is there.
        opens: passphrases that were asked for before, by file of the private key.
        known: what the run's events, read a moment ago, add up to; what was said since is read here. None reads all.

    Raises:
        InvalidInputError: the plan is another than the one that was run, and changes were not accepted.
        LeaseError: another process advances it.
    """
    state = known or RunState(request.run, journal.read(request.run))
    opened = state.opened
    if opened is None:
        raise InvalidInputError(f"run {request.run} was never opened")
    if state.closed is not None and state.closed.status == "succeeded":
        raise UsageError(f"run {request.run} succeeded; there is nothing to go on with")
    if state.closed is not None and state.closed.status == "aborted":
        raise UsageError(f"run {request.run} was aborted; it is over", hint="`runbook run` begins another one")
    if other := taken_back_by(journal, request.run):
        hint = f"if that did not come to its end: runbook resume {other}; to run it anew: runbook run {opened.runbook}"
        raise UsageError(f"run {request.run} was taken back by run {other}; it can't go on", hint=hint)
    if other := continued_by(journal, request.run):
        raise UsageError(f"run {other} went on from run {request.run}", hint=f"runbook resume {other}")
    if state.closed is not None and state.revert_due is not None:
        return _taken_back(
            project, journal, request.run, listener, interrupts, opens or {},
            forks=request.forks or opened.forks, operator=request.operator, accept_changes=request.accept_changes,
        )  # fmt: skip
    prepared = _planned(project, journal, opened, request)
    plan = prepared.plan
    accepted = accepted_changes(state, plan, prepared, project.catalog, accept=request.accept_changes)
    speaker = actor(project.team, request.operator)
    opens = opens or passphrases(project, plan, ask)
    holder = this_process()
    exclusive = None
    if opened.mode is not Mode.DRY_RUN:
        name = f"runbook:{opened.runbook}|{opened.inventory}"
        exclusive = journal.take_lease(name, holder, LEASE_SECONDS * 4, take_over=request.take_over)
    try:
        held = request.take_over and journal.lease(f"run:{request.run}") is not None
        lease = journal.take_lease(f"run:{request.run}", holder, LEASE_SECONDS, take_over=request.take_over)
        options = RunOptions(
            run=request.run,
            mode=opened.mode,
            forks=request.forks or opened.forks or project.config.forks,
            wait=request.wait,
            skip=opened.skip,
            no_recheck=request.no_recheck,
            lease_seconds=LEASE_SECONDS,
            displaced_seconds=LEASE_SECONDS if held else 0.0,
        )
        leases = _Leases(lease, exclusive)
        done = _advance(
            project, plan, state, journal, leases, speaker, listener, interrupts, options,
            took_over=request.take_over, opens=opens, accepted=accepted, past=prepared.past,
        )  # fmt: skip
    finally:
        if exclusive is not None:
            journal.release_lease(exclusive)
    if done.end == "failed" and state.revert_due is not None:
        forks, operator = options.forks, request.operator
        return _taken_back(project, journal, request.run, listener, interrupts, opens, forks=forks, operator=operator)
    return done


def _taken_back(
    project: OpenProject,
    journal: Journal,
    run: str,
    listener: Listener,
    interrupts: Interrupts,
    opens: Mapping[Path, str],
    *,
    forks: int | None,
    operator: str | None,
    accept_changes: bool = False,
) -> RunResult:
    """Take a run back whose step with `on_failure: revert` failed."""

    def start(request: RunRequest, prepared: PreparedPlan) -> RunResult:
        return run_runbook(project, request, prepared, journal, listener=listener, interrupts=interrupts, opens=opens)

    return take_back(
        project, journal, run, start=start, listener=listener, forks=forks, operator=operator,
        accept_changes=accept_changes,
    )  # fmt: skip


def plan_to_resume(project: OpenProject, journal: Journal, request: ResumeRequest) -> Plan:
    """Plan again what a run was opened with, to see what going on with it needs.

    Raises:
        InvalidFilesError: the files of today are not valid.
    """
    opened = next(iter(journal.read(request.run))).event
    if not isinstance(opened, RunOpened):
        raise InvalidInputError(f"run {request.run} was never opened")
    return _planned(project, journal, opened, request).plan


def _planned(project: OpenProject, journal: Journal, opened: RunOpened, request: ResumeRequest) -> PreparedPlan:
    if not opened.reverts:
        return planned_as_opened(project, opened)
    again = prepare_undo(project, journal, opened.reverts, accept_changes=request.accept_changes, by=request.run)
    return again.prepared


@dataclass(frozen=True, slots=True)
class _Leases:
    """The lease of the run, and the one that keeps a second live run of the same runbook away."""

    run: Lease
    exclusive: Lease | None


def _advance(
    project: OpenProject,
    plan: Plan,
    state: RunState,
    journal: Journal,
    leases: _Leases,
    speaker: Actor,
    listener: Listener,
    interrupts: Interrupts,
    options: RunOptions,
    *,
    took_over: bool,
    past: Past | None = None,
    opens: Mapping[Path, str],
    accepted: PlanAccepted | None = None,
) -> RunResult:
    """Take the run with its lease and advance it; the lease is given back however it ends."""
    lease = leases.run
    try:
        taken = LeaseTaken(
            holder=str(lease.holder),
            fence=lease.fence,
            took_over=took_over,
            machine=this_machine(),
            signers=signers(project.team),
        )
        ends = done_elsewhere(journal, plan, state)
        journal.append(options.run, [taken, *([accepted] if accepted else []), *ends], speaker, lease=lease)
        # Whatever a person said since the events were read stands before ours, and counts.
        for stored in journal.read(options.run, after=state.seq):
            state.apply(stored)
            listener.event(stored)
        with make_tools(
            project, plan, state, journal, lease, speaker, listener, interrupts, options,
            exclusive=leases.exclusive, past=past, opens=opens,
        ) as tools:  # fmt: skip
            end = run_plan(plan, state, tools, options)
    finally:
        journal.release_lease(lease)
    return RunResult(options.run, end)


def run_id(runbook: str, now: datetime) -> str:
    """Make a run's id: it sorts by time, and says what runs."""
    return f"{now:%Y%m%d-%H%M%S}-{runbook}-{random_source.token_hex(2)}"


def check_request(plan: Plan, request: RunRequest) -> None:
    """Make sure that a request fits its plan.

    Raises:
        InvalidInputError: a step to skip does not exist, or a drill's inventory is not marked as one.
    """
    unknown = [step for step in request.skip if step not in plan.step_index]
    if unknown:
        raise InvalidInputError(f"--skip names steps that do not exist: {', '.join(unknown)}")
    if request.mode is Mode.DRILL and not plan.inventory.drill and not request.live_inventory:
        raise InvalidInputError(
            f"inventory {plan.inventory.name} is not marked as a drill's",
            hint="set runbook_drill: true in group all of a drill inventory, or say why this one may be drilled on: "
            '--allow-live-inventory --reason "why"',
        )
