"""runbook retry, skip, ignore: an operator's decision about a task that failed."""

from collections.abc import Callable
from pathlib import Path

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.sign import SigningKey
from runbook_engine.app.steer import Decision, decide
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option, reason_option, run_argument
from runbook_engine.cli.signing import signed_how, signing_key, signing_options
from runbook_engine.cli.terminal import say

Command = Callable[..., None]


def _decision(command: Command) -> click.Command:
    """Make a command about the failed tasks of a step, which tells whose decision it is and why."""
    for option in (signing_options, person_option, reason_option(required=True), click.argument("step")):
        command = option(command)
    return documented(run_argument()(command))


@_decision
def retry(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Try a task again that failed and is held.

    It has all its tries again. STEP is a step, for all its held tasks, or one of them (deploy@web1).

    Example:
      runbook retry last deploy@web1 --reason "the disk was full, and is not any more"
    """
    _decide(run, step, "retry", reason=reason, person=person, key=signing_key(sign=sign, file=key))


@_decision
def skip(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Take a task that failed and is held for skipped; what needs it goes on.

    STEP is a step, for all its held tasks, or one of them (deploy@web1). Of a run that stopped before its end, tasks
    that failed without being held can be decided on, too; `runbook resume` then goes on.

    Example:
      runbook skip last aws-status --reason "the page lags; the console shows the outage"
    """
    _decide(run, step, "skip", reason=reason, person=person, key=signing_key(sign=sign, file=key))


@_decision
def ignore(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Leave a task failed that is held; what needs it goes on.

    The report lists it among the failures that were tolerated. STEP is a step, for all its held tasks, or one of them
    (deploy@web1).

    Example:
      runbook ignore last verify@web3 --reason "web3 is retired next week"
    """
    _decide(run, step, "ignore", reason=reason, person=person, key=signing_key(sign=sign, file=key))


def _decide(
    run: str, step: str, decision: Decision, *, reason: str, person: str | None, key: SigningKey | None
) -> None:
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        decided = decide(project, journal, head.id, step, decision, reason=reason, person=person, key=key)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    tasks = ", ".join(str(getattr(one.event, "task", "")) for one in decided)
    say(f"{tasks} of {head.id}: {decision}{signed_how(decided[0])}")
    if not held:
        say(f"nobody advances the run now; to go on: runbook resume {head.id}")
