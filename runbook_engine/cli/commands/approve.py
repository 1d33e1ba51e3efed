"""runbook approve and runbook decline: a person's answer to a gate."""

from pathlib import Path

import click

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.sign import SigningKey
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option, run_argument
from runbook_engine.cli.signing import signed_how, signing_key, signing_options
from runbook_engine.cli.terminal import say


@documented
@run_argument()
@click.argument("step")
@click.option("--reason", default="", metavar="TEXT", help="Kept in the journal with the answer.")
@person_option
@signing_options
def approve(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Approve what a gate of a run asks.

    Works from any terminal, while the run waits or after it stopped; an answer that does not count (no role, too
    late, twice) is refused, and that is recorded, too.

    Examples:
      runbook approve last declare --as dana --reason "confirmed by phone"
      runbook approve last declare --as dana --sign
    """
    _answer(run, step, approve=True, reason=reason, person=person, key=signing_key(sign=sign, file=key))


@documented
@run_argument()
@click.argument("step")
@click.option("--reason", default="", metavar="TEXT", help="Kept in the journal with the answer.")
@person_option
@signing_options
def decline(run: str, step: str, reason: str, person: str | None, *, sign: bool, key: Path | None) -> None:
    """Decline what a gate of a run asks.

    The first decline ends the gate; what needs it is blocked.

    Example:
      runbook decline last declare --as dana --reason "the region is back"
    """
    _answer(run, step, approve=False, reason=reason, person=person, key=signing_key(sign=sign, file=key))


def _answer(run: str, step: str, *, approve: bool, reason: str, person: str | None, key: SigningKey | None) -> None:
    project = open_project()
    journal = project.journal()
    try:
        head = find_run(journal, run)
        stored = answer_gate(project, journal, head.id, step, approve=approve, reason=reason, person=person, key=key)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    said = "approved" if approve else "declined"
    say(f"{step} of {head.id}: {said} by {stored.actor.name}{signed_how(stored)}")
    if not held:
        say(f"nobody advances the run now; to go on: runbook resume {head.id}")
