"""runbook say: tell a run's audiences something now, in your own words."""

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import check_person, open_project
from runbook_engine.app.say import say_to_audiences
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import person_option, run_argument
from runbook_engine.cli.terminal import say as tell
from runbook_engine.model.event import MessageSaid


@documented
@run_argument()
@click.argument("text")
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    metavar="NAME",
    help="Only this audience; may be repeated. Without it: all who are being told of the run.",
)
@person_option
def say(run: str, text: str, audiences: tuple[str, ...], person: str | None) -> None:
    """Tell the audiences of a run something now, in your own words.

    It is recorded, and the process that advances the run sends it at once, in every way in which the runbook's
    `communications` send an update; what a server refuses is tried again, and `runbook status` tells what was sent. It
    counts as an update: the next is due when the promised silence is over from then on. The text stands where the
    message has `{{ message.text }}`, or in the place of the message's text. Works from any terminal; of a run that
    nobody advances it goes out first when it is resumed.

    Example:
      runbook say last "The data is back. We are testing it, and expect to be done by 15:00 UTC."
    """
    project = open_project()
    check_person(project.team, person)
    journal = project.journal()
    try:
        head = find_run(journal, run)
        stored = say_to_audiences(project, journal, head.id, text, audiences=audiences, person=person)
        held = journal.lease(f"run:{head.id}") is not None
    finally:
        journal.close()
    whom = ", ".join(stored.event.audiences) if isinstance(stored.event, MessageSaid) else ""
    tell(f"{head.id}: recorded for {whom}")
    if held:
        tell(f"the process that advances the run sends it; what was sent: runbook status {head.id}")
    else:
        tell(f"nobody advances the run now; it goes out first when it is resumed: runbook resume {head.id}")
