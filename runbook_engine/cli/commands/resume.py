"""runbook resume: go on where a run stopped."""

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.run_requests import ResumeRequest
from runbook_engine.app.run_runbook import RunResult, resume_run
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.documented import documented
from runbook_engine.cli.driving import Seat, drive
from runbook_engine.cli.options import forks_option, output_option, person_option, run_argument
from runbook_engine.cli.terminal import ask, can_ask, say
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.model.errors import ExitCode, JournalError, UsageError
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.journal import Journal, RunHead
from runbook_engine.ports.listener import Listener


@documented
@run_argument(required=False)
@click.option("--accept-changes", is_flag=True, help="Go on although runbook, inventory or inputs were changed.")
@click.option("--take-over", is_flag=True, help="Take the run from another machine that holds it no longer rightly.")
@forks_option
@output_option("text", "json", "ndjson")
@click.option("--yes", is_flag=True, help="Don't ask before a live run; gates ask all the same.")
@click.option("--wait", is_flag=True, help="Wait at gates for an answer from elsewhere, in place of ending with 4.")
@person_option
def resume(
    run: str | None,
    accept_changes: bool,
    take_over: bool,
    forks: int | None,
    output: str,
    yes: bool,
    wait: bool,
    person: str | None,
) -> int:
    """Go on with a run where it stopped.

    What ended well is not done again; what failed is tried again; what nobody knows the end of is found out first.
    RUN is an id, the beginning of one, or `last`; without it, the newest that can be resumed.

    Examples:
      runbook resume
      runbook resume 20261123 --yes --wait
    """
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run) if run is not None else _newest_resumable(journal)
        if head.mode != Mode.DRY_RUN.value and not yes and not _confirmed(head):
            say("nothing was done")
            return ExitCode.FAILED
        request = ResumeRequest(
            run=head.id,
            accept_changes=accept_changes,
            take_over=take_over,
            forks=forks,
            wait=wait or can_ask(),
            operator=person,
        )

        def advance(listener: Listener, interrupts: Interrupts, asker: AskSecret | None) -> RunResult:
            return resume_run(project, request, journal, listener=listener, interrupts=interrupts, ask=asker)

        return drive(project, journal, Seat(output, person), advance, earlier=journal.read(head.id))
    except JournalError as error:
        closed = closed_meanwhile(journal, head)
        if closed is None:
            raise
        message = f"run {head.id} {closed} at this moment, by the process that held it; nothing is left to go on with"
        raise UsageError(message, hint=f"`runbook report {head.id}` shows how it went") from error
    finally:
        journal.close()


def closed_meanwhile(journal: Journal, head: RunHead) -> str | None:
    """Say how an open run was closed since it was looked at; None when it was not, or was closed before."""
    now = journal.head(head.id)
    return now.status if now is not None and head.status == "open" and now.status != "open" else None


def _newest_resumable(journal: Journal) -> RunHead:
    for head in journal.runs():
        if head.pruned:
            continue
        if head.status == "failed" or (head.status == "open" and journal.lease(f"run:{head.id}") is None):
            return head
    raise UsageError("no run can be resumed", hint="`runbook runs` lists them, `runbook status` shows a running one")


def _confirmed(head: RunHead) -> bool:
    if not can_ask():
        raise UsageError(
            f"going on with {head.id} ({head.mode}) changes things, and nobody can be asked here", hint="add --yes"
        )
    return ask(f"go on with {head.id} ({head.mode}, {head.inventory})?")
