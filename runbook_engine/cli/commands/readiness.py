"""runbook readiness: would it work today."""

import sys
from pathlib import Path

import click

from runbook_engine.app.prepare import PlanRequest, prepare_plan
from runbook_engine.app.project import OpenProject, check_person, open_project
from runbook_engine.app.readiness import assess, blamed
from runbook_engine.app.readiness_history import looks
from runbook_engine.app.readiness_tell import ReadinessTeller
from runbook_engine.app.run_requests import RunRequest, RunResult
from runbook_engine.app.run_runbook import run_runbook
from runbook_engine.app.unlock import AskSecret, passphrases
from runbook_engine.cli.documented import documented
from runbook_engine.cli.driving import Seat, drive
from runbook_engine.cli.earlier import earlier_run_option, with_earlier_run
from runbook_engine.cli.findings import say_findings, say_notes
from runbook_engine.cli.options import (
    forks_option,
    paired,
    person_option,
    plan_options,
    reasons_option,
    runbook_argument,
    skip_option,
)
from runbook_engine.cli.readiness_view import history_json, history_row, readiness_json, readiness_text, told_line
from runbook_engine.cli.terminal import columns_of, result, result_json, say, table
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.model.errors import ExitCode, UsageError
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener


@documented
@runbook_argument
@plan_options
@earlier_run_option
@skip_option
@reasons_option()
@forks_option
@click.option("--strict", is_flag=True, help="What could not be asked counts as missing.")
@click.option("--new-only", is_flag=True, help="End with 1 only for what the last look did not find.")
@click.option(
    "--notify",
    multiple=True,
    metavar="CHANNEL",
    help="Tell people over this channel of runbook.toml's monitor.tell (its action, place or audience) when what is "
    "missing or could not be asked is another than they know; repeatable.",
)
@click.option("--history", is_flag=True, help="List the newest looks that the journal has; look at nothing.")
@click.option(
    "--output",
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How the result is written.",
)
@person_option
def readiness(
    name: str,
    inventories: tuple[str, ...],
    extra_vars: tuple[str, ...],
    limit: str | None,
    from_run: str | None,
    skip: tuple[str, ...],
    reason: tuple[str, ...],
    forks: int | None,
    strict: bool,
    new_only: bool,
    notify: tuple[str, ...],
    history: bool,
    output: str,
    person: str | None,
) -> int:
    """Say whether a runbook would work today; changes nothing.

    Makes a dry run, logs in to the hosts, names what the runbook needs of the region that it escapes, asks IAM for the
    permissions of its AWS actions (by simulation) and Service Quotas for room for what they would add. What is missing,
    what could not be asked, and what changed since the last look is told, and kept in the journal. Ends with 1 when
    something is missing, and when somebody could not be told (--notify).

    Examples:
      runbook readiness region-failover -i production -e incident=READY-1
      runbook readiness region-failover -e incident=READY-1 --output json --strict
      runbook readiness region-failover -e incident=READY-1 --new-only
      runbook readiness region-failover -e incident=READY-1 --notify notify.email
      runbook readiness region-failover --history
      runbook readiness region-failback --from-run 20261123-0855 -e incident=READY-1
    """
    if history and notify:
        raise UsageError(
            "--notify tells people what a look finds, and --history looks at nothing", hint="leave one out"
        )
    project = open_project()
    if history:
        return _history(project, project.runbook_path(name).stem, output)
    check_person(project.team, person)
    plan = with_earlier_run(project, PlanRequest(name, inventories, extra_vars, limit), from_run)
    prepared = prepare_plan(project, plan)
    request = RunRequest(
        plan, mode=Mode.DRY_RUN, forks=forks, skip=paired(skip, reason), operator=person, readiness=True
    )
    say_findings(prepared.warnings)
    say_notes(prepared.notes)
    teller = ReadinessTeller(project, prepared, notify) if notify else None
    journal = project.journal(create=True)
    opens: dict[Path, str] = {}

    def advance(journal: Journal, listener: Listener, interrupts: Interrupts, ask: AskSecret | None) -> RunResult:
        opens.update(passphrases(project, prepared.plan, ask))
        return run_runbook(project, request, prepared, journal, listener=listener, interrupts=interrupts, opens=opens)

    def tell(ended: RunResult) -> int:
        if ended.end == "interrupted":
            say("interrupted before its end: nothing is said of readiness; call it again")
            return ExitCode.INTERRUPTED
        say("the dry run is over; looking at hosts, permissions and quotas")
        look = assess(project, prepared, journal, ended.run, opens=opens, forks=forks)
        told = teller.tell(journal, look) if teller is not None else []
        if output == "json":
            result_json(readiness_json(look, told))
        else:
            result(readiness_text(look))
        for one in told:
            say(told_line(one))
        say(f"report: runbook report {ended.run} --format html -o report.html")
        untold = any(one.error for one in told)
        return ExitCode.FAILED if untold or blamed(look, strict=strict, new_only=new_only) else ExitCode.OK

    try:
        return drive(project, journal, Seat("json", person), advance, tell=tell)
    finally:
        journal.close()


def _history(project: OpenProject, runbook: str, output: str) -> int:
    journal = project.journal()
    try:
        found = looks(journal, runbook)
    finally:
        journal.close()
    if output == "json":
        result_json([history_json(look) for look in found])
    elif found:
        head = ("when (UTC)", "inventory", "limit", "verdict", "missing", "new", "mended", "run")
        result(table(head, [history_row(look) for look in found], columns=columns_of(sys.stdout)))
    else:
        say(f"the journal has no look at {runbook} that came to its end")
    return ExitCode.OK
