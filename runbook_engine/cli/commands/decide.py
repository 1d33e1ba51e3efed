"""runbook retry, skip, ignore: an operator's decision about a task that failed."""

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.steer import Decision, decide
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option, reason_option, run_argument
from runbook_engine.cli.terminal import say


@documented
@run_argument()
@click.argument("step")
@reason_option(required=True)
@person_option
def retry(run: str, step: str, reason: str, person: str | None) -> None:
    """Try a task again that failed and is held.

    It has all its tries again. STEP is a step, for all its held tasks, or one of them (deploy@web1).

    Example:
      runbook retry last deploy@web1 --reason "the disk was full, and is not any more"
    """
    _decide(run, step, "retry", reason=reason, person=person)


@documented
@run_argument()
@click.argument("step")
@reason_option(required=True)
@person_option
def skip(run: str, step: str, reason: str, person: str | None) -> None:
    """Take a task that failed and is held for skipped; what needs it goes on.

    STEP is a step, for all its held tasks, or one of them (deploy@web1). Of a run that stopped before its end, tasks
    that failed without being held can be decided on, too; `runbook resume` then goes on.

    Example:
      runbook skip last aws-status --reason "the page lags; the console shows the outage"
    """
    _decide(run, step, "skip", reason=reason, person=person)


@documented
@run_argument()
@click.argument("step")
@reason_option(required=True)
@person_option
def ignore(run: str, step: str, reason: str, person: str | None) -> None:
    """Leave a task failed that is held; what needs it goes on.

    The report lists it among the failures that were tolerated. STEP is a step, for all its held tasks, or one of them
    (deploy@web1).

    Example:
      runbook ignore last verify@web3 --reason "web3 is retired next week"
    """
    _decide(run, step, "ignore", reason=reason, person=person)


def _decide(run: str, step: str, decision: Decision, *, reason: str, person: str | None) -> None:
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        tasks = decide(project, journal, head.id, step, decision, reason=reason, person=person)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    say(f"{', '.join(tasks)} of {head.id}: {decision}")
    if not held:
        say(f"nobody advances the run now; to go on: runbook resume {head.id}")
