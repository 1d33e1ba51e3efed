"""runbook resolve: the truth about an attempt in doubt."""

from pathlib import Path
from typing import Literal

import click

from runbook_engine.app.answer import resolve_doubt
from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option, run_argument
from runbook_engine.cli.signing import signed_how, signing_key, signing_options
from runbook_engine.cli.terminal import say


@documented
@run_argument()
@click.argument("step")
@click.argument("truth", type=click.Choice(["done", "retry"]))
@click.option("--reason", default="", metavar="TEXT", help="What you saw; kept in the journal.")
@person_option
@signing_options
def resolve(
    run: str,
    step: str,
    truth: Literal["done", "retry"],
    reason: str,
    person: str | None,
    *,
    sign: bool,
    key: Path | None,
) -> None:
    """Say what became of an attempt that is in doubt.

    An attempt is in doubt when it began and nobody knows whether it had its effect. Look at the target first: `done`
    when the effect is there, `retry` when it is not and won't come. It may be said of a run that is over, too.

    Example:
      runbook resolve last notify-customers done --reason "the mail is in the archive"
    """
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        signs = signing_key(sign=sign, file=key)
        stored = resolve_doubt(project, journal, head.id, step, truth, reason=reason, person=person, key=signs)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    say(f"{step} of {head.id}: recorded as {truth}{signed_how(stored)}")
    if head.status == "aborted":
        say(f"the run stays aborted; `runbook revert {head.id}` and `runbook run --from-run {head.id}` go by it now")
    elif not held:
        say(f"nobody advances the run now; to go on: runbook resume {head.id}")
