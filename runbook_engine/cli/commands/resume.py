"""runbook resume: go on where a run stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from runbook_engine.app.find_resumable import find_resumable
from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.run_requests import ResumeRequest, RunResult
from runbook_engine.app.run_runbook import plan_to_resume, resume_run
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.documented import documented
from runbook_engine.cli.driving import Earlier, Seat, drive
from runbook_engine.cli.options import (
    forks_option,
    output_option,
    person_option,
    quiet_option,
    run_argument,
    waiting_options,
)
from runbook_engine.cli.terminal import ask, can_ask, say
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import ExitCode, JournalError, UsageError
from runbook_engine.model.outcome import Mode
from runbook_engine.ports.journal import Journal, RunHead
from runbook_engine.ports.listener import Listener


@documented
@run_argument(required=False)
@click.option("--accept-changes", is_flag=True, help="Go on although runbook, inventory or inputs were changed.")
@click.option("--take-over", is_flag=True, help="Take the run from another machine that holds it no longer rightly.")
@click.option("--no-recheck", is_flag=True, help="Don't look again at what ended well; needs a --reason.")
@click.option("--reason", default="", metavar="TEXT", help="Why nothing is looked at again; kept in the journal.")
@forks_option
@output_option("text", "json", "ndjson")
@quiet_option
@click.option("--yes", is_flag=True, help="Don't ask before a live run; gates ask all the same.")
@waiting_options
@person_option
def resume(
    run: str | None,
    accept_changes: bool,
    take_over: bool,
    no_recheck: bool,
    reason: str,
    forks: int | None,
    output: str,
    quiet: bool,
    yes: bool,
    wait: bool,
    detach: bool,
    person: str | None,
) -> int:
    """Go on with a run where it stopped.

    What ended well is not done again, but looked at again: where it is not any more as the run left it, that is told,
    and what stands on it waits for a decision. What failed is tried again; what nobody knows the end of is found out
    first.
    RUN is an id, the beginning of one, or `last`; without it, the newest that can be resumed and that no other
    run took back or went on from; with --take-over, the one that another process holds.

    Examples:
      runbook resume
      runbook resume 20261123 --yes --wait
      runbook resume last --yes --detach
      runbook resume --take-over --yes --wait
      runbook resume last --no-recheck --reason "the bastion is too slow"
    """
    if no_recheck != bool(reason.strip()):
        raise UsageError(
            "--no-recheck and --reason go together", hint='--no-recheck --reason "why"; it is kept in the journal'
        )
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run) if run is not None else find_resumable(journal, take_over=take_over)
        if head.mode != Mode.DRY_RUN.value and not yes and not _confirmed(head):
            say("nothing was done")
            return ExitCode.FAILED
        request = ResumeRequest(
            run=head.id,
            accept_changes=accept_changes,
            take_over=take_over,
            forks=forks,
            wait=wait or detach or can_ask(),
            operator=person,
            no_recheck=reason.strip(),
        )

        def advance(journal: Journal, listener: Listener, interrupts: Interrupts, asker: AskSecret | None) -> RunResult:
            with _told_when_closed(journal, head):
                return resume_run(
                    project,
                    request,
                    journal,
                    listener=listener,
                    interrupts=interrupts,
                    ask=asker,
                    opens=opens,
                    known=known,
                )

        seat, opens, known = Seat(output, person, quiet=quiet), dict[Path, str](), RunState(head.id)
        if not detach:
            return drive(project, journal, seat, advance, earlier=Earlier(known, journal.read(head.id)))
        from runbook_engine.cli.detach import Away, asked_before, drive_detached

        opens.update(asked_before(project, lambda: plan_to_resume(project, journal, request)))
        journal.close()  # what is open at a fork is not for both processes
        away = Away(head.id, head.runbook, head.inventory, head.mode)
        return drive_detached(project, seat, away, advance, earlier=lambda again: Earlier(known, again.read(head.id)))
    finally:
        journal.close()


@contextmanager
def _told_when_closed(journal: Journal, head: RunHead) -> Iterator[None]:
    """Say plainly that another process ended the run between our look at it and our first word."""
    try:
        yield
    except JournalError as error:
        closed = closed_meanwhile(journal, head)
        if closed is None:
            raise
        message = f"run {head.id} {closed} at this moment, by the process that held it; nothing is left to go on with"
        raise UsageError(message, hint=f"`runbook report {head.id}` shows how it went") from error


def closed_meanwhile(journal: Journal, head: RunHead) -> str | None:
    """Say how an open run was closed since it was looked at; None when it was not, or was closed before."""
    now = journal.head(head.id)
    return now.status if now is not None and head.status == "open" and now.status != "open" else None


def _confirmed(head: RunHead) -> bool:
    if not can_ask():
        raise UsageError(
            f"going on with {head.id} ({head.mode}) changes things, and nobody can be asked here", hint="add --yes"
        )
    return ask(f"go on with {head.id} ({head.mode}, {head.inventory})?")
