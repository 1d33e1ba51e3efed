"""runbook answer: how a manual task went."""

from pathlib import Path
from typing import Literal

import click

from runbook_engine.app.answer_by_hand import answer_by_hand
from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option, run_argument
from runbook_engine.cli.signing import signed_how, signing_key, signing_options
from runbook_engine.cli.terminal import say


@documented
@run_argument()
@click.argument("step")
@click.argument("said", metavar="pass|fail", type=click.Choice(["pass", "fail"]))
@click.option(
    "--note", "--reason", "note", default="", metavar="TEXT", help="What you did and saw; kept in the journal."
)
@person_option
@signing_options
def answer(
    run: str, step: str, said: Literal["pass", "fail"], note: str, person: str | None, *, sign: bool, key: Path | None
) -> None:
    """Say how a manual task went.

    `pass` lets the steps go on that need it; `fail` fails the task. Works from any terminal, while the run waits or
    after it stopped; an answer of somebody without the role is refused, and that is recorded, too.

    Examples:
      runbook answer last call-provider pass --as dana --note "confirmed by Mr Meier, ticket 4711"
      runbook answer last call-provider fail --as dana --sign --note "nobody answers"
    """
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        signs = signing_key(sign=sign, file=key)
        passed = said == "pass"
        stored = answer_by_hand(project, journal, head.id, step, passed=passed, note=note, person=person, key=signs)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    say(f"{step} of {head.id}: {said}, says {stored.actor.name}{signed_how(stored)}")
    if not held:
        say(f"nobody advances the run now; to go on: runbook resume {head.id}")
