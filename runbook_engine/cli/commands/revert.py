"""runbook revert: take back what a run changed."""

import sys

import click

from runbook_engine.app.prepare import PlanRequest
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.run_requests import RunRequest, RunResult
from runbook_engine.app.run_runbook import run_runbook
from runbook_engine.app.show_plan import show_plan
from runbook_engine.app.take_back import what_stays
from runbook_engine.app.undo import prepare_undo, refuse_while_advanced, run_to_take_back
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.documented import documented
from runbook_engine.cli.driving import Seat, drive
from runbook_engine.cli.options import forks_option, output_option, person_option, quiet_option, run_argument
from runbook_engine.cli.plan_view import plan_text
from runbook_engine.cli.terminal import ask, can_ask, columns_of, say
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.model.errors import ExitCode, UsageError
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener
from runbook_engine.reporting.inert import one_line


@documented
@run_argument()
@click.option("--dry-run", is_flag=True, help="Only look: say what would be taken back.")
@click.option("--accept-changes", is_flag=True, help="Go on although runbook, inventory or inputs were changed since.")
@forks_option
@click.option("--note", default="", metavar="TEXT", help="Kept in the journal with the run.")
@output_option("text", "json", "ndjson")
@quiet_option
@click.option("--yes", is_flag=True, help="Don't ask before anything is changed.")
@person_option
def revert(
    run: str,
    dry_run: bool,
    accept_changes: bool,
    forks: int | None,
    note: str,
    output: str,
    quiet: bool,
    yes: bool,
    person: str | None,
) -> int:
    """Take back what a run changed, newest first.

    Each task that the run changed is undone, by the step's `revert` or else by its action's own, after all that needed
    it. What nobody said how to undo is listed before anything starts. That is a run of its own, with a journal, a
    report and `resume` like any other. RUN is an id, the beginning of one, or `last`: the newest that was no dry run.

    Examples:
      runbook revert last --dry-run
      runbook revert 20261123-1015 --yes --note "failover was a false alarm"
    """
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = run_to_take_back(journal, run)
        if not dry_run:
            refuse_while_advanced(journal, head.id)
        undo = prepare_undo(project, journal, head.id, accept_changes=accept_changes)
        mode = Mode.DRY_RUN if dry_run else Mode(head.mode)
        say(f"takes back run {head.id}")
        if not quiet:
            view = show_plan(undo.prepared.plan, project.catalog)
            say(plan_text(view, mode=mode.value, columns=columns_of(sys.stderr)))
        for line in what_stays(undo):
            say(one_line(line))
        if mode is not Mode.DRY_RUN and not yes and not _confirmed(head.id):
            say("nothing was done")
            return ExitCode.FAILED
        plan = PlanRequest(runbook=head.runbook)
        request = RunRequest(plan=plan, mode=mode, forks=forks, note=note, operator=person)

        def advance(journal: Journal, listener: Listener, interrupts: Interrupts, asker: AskSecret | None) -> RunResult:
            return run_runbook(
                project, request, undo.prepared, journal, listener=listener, interrupts=interrupts, ask=asker
            )

        return drive(project, journal, Seat(output, person, quiet=quiet), advance)
    finally:
        journal.close()


def _confirmed(run: str) -> bool:
    if not can_ask():
        raise UsageError(
            "taking a run back changes things, and nobody can be asked here",
            hint="add --yes when that is what you want, or --dry-run to only look",
        )
    return ask(f"Take back run {run}?")
