"""runbook run: plan, ask, do, tell."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from runbook_engine.app.earlier_run import read_earlier_run
from runbook_engine.app.find_run import find_run
from runbook_engine.app.from_run import prepare_rest
from runbook_engine.app.prepare import PlanRequest, PreparedPlan, prepare_plan
from runbook_engine.app.project import OpenProject, check_person, open_project
from runbook_engine.app.queues import unserved
from runbook_engine.app.run_requests import RunRequest, RunResult
from runbook_engine.app.run_runbook import run_id, run_runbook
from runbook_engine.app.show_plan import PlanView, show_plan
from runbook_engine.app.survivability import survivability
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.documented import documented
from runbook_engine.cli.driving import Seat, drive
from runbook_engine.cli.findings import say_findings, say_notes
from runbook_engine.cli.options import (
    forks_option,
    output_option,
    paired,
    person_option,
    plan_options,
    quiet_option,
    reasons_option,
    runbook_argument,
    skip_option,
    waiting_options,
)
from runbook_engine.cli.plan_view import plan_text
from runbook_engine.cli.terminal import ask, can_ask, columns_of, say
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.model.errors import ExitCode, LeaseError, UsageError
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener


@documented
@runbook_argument
@plan_options
@click.option("--dry-run", is_flag=True, help="Only look: nothing is changed, and the end says how much was proven.")
@click.option("--drill", is_flag=True, help="For real, on a drill inventory, with messages to sandboxes only.")
@click.option(
    "--allow-live-inventory",
    is_flag=True,
    help="Drill on an inventory that is not marked as a drill's; needs its own --reason, the last one.",
)
@forks_option
@click.option("--note", default="", metavar="TEXT", help="Kept in the journal with the run.")
@skip_option
@reasons_option("Why: for each --skip in order, then for the rest.")
@click.option(
    "--from-run",
    metavar="RUN",
    help="Go on from an earlier run in a new one, with what that was given; a run of another runbook becomes the input "
    "of type run (a failback goes by what the failover did).",
)
@click.option(
    "--even-if-failed",
    is_flag=True,
    help="With --from-run of another runbook: a run that did not succeed will do; needs its own --reason, the last.",
)
@click.option(
    "--only", type=click.Choice(["failed"]), help="With --from-run: what did not end well there (the default)."
)
@click.option(
    "--no-recheck",
    is_flag=True,
    help="With --from-run: don't look again at what ended well there; needs its own --reason, the last one.",
)
@output_option("text", "json", "ndjson")
@quiet_option
@click.option("--yes", is_flag=True, help="Don't ask before a live run; gates ask all the same.")
@waiting_options
@person_option
def run(
    name: str,
    inventories: tuple[str, ...],
    extra_vars: tuple[str, ...],
    limit: str | None,
    dry_run: bool,
    drill: bool,
    allow_live_inventory: bool,
    forks: int | None,
    note: str,
    skip: tuple[str, ...],
    reason: tuple[str, ...],
    from_run: str | None,
    even_if_failed: bool,
    only: str | None,
    no_recheck: bool,
    output: str,
    quiet: bool,
    yes: bool,
    wait: bool,
    detach: bool,
    person: str | None,
) -> int:
    """Run a runbook.

    Prints the plan, asks before a live run, does what is ready in parallel, and journals everything, so that anybody
    can resume where it stopped. NAME is a runbook of the project or a path.

    Examples:
      runbook run region-failover -i demo -e incident=INC-42 --dry-run
      runbook run region-failover -e incident=INC-42 --yes --wait
      runbook run region-failover -e incident=INC-42 --yes --detach
      runbook run region-failover -e @incident.yml --skip aws-status --reason "the page lags"
      runbook run restart-fleet --limit '@failed:&web'
      runbook run region-failover --from-run last --only failed
      runbook run region-failback --from-run 20261123-0855 --dry-run
      runbook run region-failover --drill --allow-live-inventory --reason "nothing is live there before the 1st"
    """
    unlooked, reasons = _no_recheck(no_recheck, reason, from_run=from_run)
    live_inventory, reasons = _live_inventory(allow_live_inventory, reasons, drill=drill)
    failed_will_do, reasons = _even_if_failed(even_if_failed, reasons, from_run=from_run)
    request = RunRequest(
        plan=PlanRequest(runbook=name, inventories=inventories, extra_vars=extra_vars, limit=limit),
        mode=_mode(dry_run=dry_run, drill=drill),
        forks=forks,
        note=note,
        skip=paired(skip, reasons),
        live_inventory=live_inventory,
        wait=wait or detach or can_ask(),
        operator=person,
        no_recheck=unlooked,
    )
    project = open_project()
    check_person(project.team, person)
    if from_run is not None:
        prepared, request = _from_run(project, from_run, request, Choices(only, failed_will_do))
    elif only is not None:
        raise UsageError("--only says what is left of an earlier run", hint="name that run by --from-run RUN")
    else:
        prepared = prepare_plan(project, request.plan)
    say_findings([*prepared.warnings, *unserved(project, prepared.plan)])
    if request.mode is Mode.DRY_RUN:  # in the night itself it would be noise
        say_findings(survivability(project, prepared))
    say_notes(prepared.notes)
    view = show_plan(prepared.plan, project.catalog)
    if not quiet:
        say(plan_text(view, mode=request.mode.value, columns=columns_of(sys.stderr)))
    if request.mode is not Mode.DRY_RUN and not yes and not _confirmed(view, request.mode):
        say("nothing was done")
        return ExitCode.FAILED
    try:
        return _drive(project, request, prepared, Seat(output, person, quiet=quiet), detach=detach)
    except LeaseError as error:
        hint = "see it with `runbook watch` or `runbook status`; should it end early, `runbook resume` goes on with it"
        raise LeaseError(error.message, hint=hint) from error


def _drive(project: OpenProject, request: RunRequest, prepared: PreparedPlan, seat: Seat, *, detach: bool) -> int:
    """Advance the run, here or in the background."""
    opens: Mapping[Path, str] = {}

    def advance(journal: Journal, listener: Listener, interrupts: Interrupts, asker: AskSecret | None) -> RunResult:
        return run_runbook(
            project, request, prepared, journal, listener=listener, interrupts=interrupts, ask=asker, opens=opens
        )

    if detach:
        from runbook_engine.cli.detach import Away, asked_before, drive_detached

        plan = prepared.plan
        opens = asked_before(project, lambda: plan)
        request = replace(request, run=run_id(plan.runbook.name, datetime.now().astimezone()))
        away = Away(request.run, plan.runbook.name, plan.inventory.name, request.mode.value)
        return drive_detached(project, seat, away, advance)
    journal = project.journal(create=True)
    try:
        return drive(project, journal, seat, advance)
    finally:
        journal.close()


@dataclass(frozen=True, slots=True)
class Choices:
    """What else was said of the earlier run; `even_if_failed` is the reason, empty when it has to have succeeded."""

    only: str | None
    even_if_failed: str


def _from_run(
    project: OpenProject, name: str, request: RunRequest, choices: Choices
) -> tuple[PreparedPlan, RunRequest]:
    """Plan what an earlier run left to do, or, when it is of another runbook, what goes by it."""
    journal = project.journal()
    try:
        head = find_run(journal, name)
        path = project.runbook_path(request.plan.runbook)
        if head.runbook == path.stem:
            if choices.even_if_failed:
                raise UsageError("--even-if-failed is for a run of another runbook", hint="leave it out")
            return _rest_of(project, journal, head.id, request)
        if choices.only is not None or request.no_recheck:
            raise UsageError(
                f"run {head.id} is of runbook {head.runbook}: nothing of {path.stem} is done in it",
                hint="leave --only and --no-recheck out",
            )
        opened, known = read_earlier_run(journal, head.id, request.mode, even_if_failed=choices.even_if_failed)
    finally:
        journal.close()
    plan = replace(request.plan, from_run=known, inventories=request.plan.inventories or opened.inventory_sources)
    say(f"goes by run {head.id} of {head.runbook}")
    return prepare_plan(project, plan), replace(request, plan=plan)


def _rest_of(project: OpenProject, journal: Journal, run: str, request: RunRequest) -> tuple[PreparedPlan, RunRequest]:
    """Plan what an earlier run left to do."""
    if request.plan.inventories or request.plan.extra_vars or request.plan.limit is not None:
        raise UsageError(
            "--from-run takes the inventory, the inputs and the limit of that run",
            hint="leave -i, -e and --limit out, or leave --from-run out to run all of it anew",
        )
    rest = prepare_rest(project, journal, run, request)
    say(f"what ended well in run {run} counts as done")
    return rest


def _mode(*, dry_run: bool, drill: bool) -> Mode:
    if dry_run and drill:
        raise UsageError("--dry-run and --drill exclude each other", hint="a drill is real, a dry run only looks")
    return Mode.DRY_RUN if dry_run else Mode.DRILL if drill else Mode.LIVE


def _live_inventory(allowed: bool, reasons: tuple[str, ...], *, drill: bool) -> tuple[str, tuple[str, ...]]:
    """Take the reason for a drill on a live inventory, the last one, from the others."""
    if not allowed:
        return "", reasons
    if not drill:
        raise UsageError("--allow-live-inventory is for drills", hint="add --drill")
    if not reasons or not reasons[-1].strip():
        raise UsageError("--allow-live-inventory needs a reason", hint='--reason "why"; it is kept in the journal')
    return reasons[-1].strip(), reasons[:-1]


def _no_recheck(wanted: bool, reasons: tuple[str, ...], *, from_run: str | None) -> tuple[str, tuple[str, ...]]:
    """Take the reason for looking at nothing again, the last one, from the others."""
    if not wanted:
        return "", reasons
    if from_run is None:
        raise UsageError("--no-recheck is for what ended well in an earlier run", hint="add --from-run RUN")
    if not reasons or not reasons[-1].strip():
        raise UsageError("--no-recheck needs a reason", hint='--reason "why"; it is kept in the journal')
    return reasons[-1].strip(), reasons[:-1]


def _even_if_failed(wanted: bool, reasons: tuple[str, ...], *, from_run: str | None) -> tuple[str, tuple[str, ...]]:
    """Take the reason for going by a run that did not succeed, the last one, from the others."""
    if not wanted:
        return "", reasons
    if from_run is None:
        raise UsageError("--even-if-failed is for what goes by an earlier run", hint="add --from-run RUN")
    if not reasons or not reasons[-1].strip():
        raise UsageError("--even-if-failed needs a reason", hint='--reason "why"; it is kept in the journal')
    return reasons[-1].strip(), reasons[:-1]


def _confirmed(view: PlanView, mode: Mode) -> bool:
    if not can_ask():
        raise UsageError(
            f"a {mode.value} run changes things, and nobody can be asked here",
            hint="add --yes when that is what you want, or --dry-run to only look",
        )
    return ask(f"{mode.value} run of {view.runbook} on {view.inventory}, {view.tasks} tasks. Go?")
