"""runbook runs: the journal's runs."""

import click

from runbook_engine.app.project import open_project
from runbook_engine.app.status import RunLine, list_runs
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import output_option
from runbook_engine.cli.terminal import result, result_json, say, table
from runbook_engine.model.errors import NoJournalError

_MOST = 1_000_000


@documented
@click.option(
    "-n", "--number", type=click.IntRange(0, _MOST), default=20, show_default=True, help="How many; 0 lists all."
)
@output_option("text", "json")
def runs(number: int, output: str) -> None:
    """List the journal's runs, newest first.

    Examples:
      runbook runs
      runbook runs -n 0 --output json
    """
    found = _found(number)
    if output == "json":
        result_json([line.model_dump(mode="json") for line in found])
        return
    head = ("run", "status", "mode", "inventory", "started", "by")
    if found:
        result(table(head, [_row(line) for line in found]))


def _found(number: int) -> list[RunLine]:
    project = open_project()
    try:
        journal = project.journal()
    except NoJournalError as error:
        say(error.message)
        return []
    try:
        found = list_runs(journal, limit=number)
    finally:
        journal.close()
    if not found:
        say("no runs yet")
    return found


def _row(line: RunLine) -> tuple[str, ...]:
    started = f"{line.started_at.astimezone():%Y-%m-%d %H:%M}"
    return (line.id, line.status, line.mode, line.inventory, started, line.operator)
