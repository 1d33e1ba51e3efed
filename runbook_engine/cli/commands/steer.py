"""runbook pause, continue, abort: an operator's orders to a run."""

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.steer import Order, order_run
from runbook_engine.cli.documented import DocumentedCommand, documented
from runbook_engine.cli.options import person_option, reason_option, run_argument
from runbook_engine.cli.terminal import say


@documented
@run_argument()
@reason_option()
@person_option
def pause(run: str, reason: str, person: str | None) -> None:
    """Let a run start nothing new.

    What runs is left to end. The process that advances the run stays and waits, also at gates, until `runbook
    continue`. Works from any terminal; a run that nobody advances begins paused when it is resumed.

    Example:
      runbook pause last --reason "waiting for the provider's call"
    """
    head, held = _order(run, "pause", reason=reason, person=person)
    say(f"{head} is paused; to go on: runbook continue {head}")
    if not held:
        say("nobody advances it now; when it is resumed it starts nothing until it is continued")


@click.command("continue", cls=DocumentedCommand)
@run_argument()
@reason_option()
@person_option
def continue_(run: str, reason: str, person: str | None) -> None:
    """Let a paused run go on.

    Example:
      runbook continue last
    """
    head, held = _order(run, "continue", reason=reason, person=person)
    say(f"{head} goes on" if held else f"{head} is paused no more; to go on: runbook resume {head}")


@documented
@run_argument()
@reason_option(required=True)
@click.option("--cancel", is_flag=True, help="Cancel what runs, too, in place of letting it end.")
@person_option
def abort(run: str, reason: str, cancel: bool, person: str | None) -> None:
    """End a run for good.

    Nothing new is started but steps with `always: true`; what runs is left to end (or cancelled with --cancel); what
    waits is given up. The run closes as `aborted`, exit code 1, and can't be resumed. To stop a run that is to go on
    later, press Ctrl-C where it runs, or use `runbook pause`.

    Example:
      runbook abort last --reason "the region is back"
    """
    head, held = _order(run, "abort", reason=reason, cancel=cancel, person=person)
    say(f"{head} is to end")
    if not held:
        say(f"nobody advances it now; to do what is always done and close it: runbook resume {head}")


def _order(run: str, order: Order, *, reason: str, person: str | None, cancel: bool = False) -> tuple[str, bool]:
    """Give the order; tells the run's id, and whether a process advances it."""
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        order_run(project, journal, head.id, order, reason=reason, cancel=cancel, person=person)
        return head.id, journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
