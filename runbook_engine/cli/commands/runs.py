"""runbook runs: the journal's runs."""

import click

from runbook_engine.app.project import open_project
from runbook_engine.app.status import list_runs
from runbook_engine.cli.options import output_option
from runbook_engine.cli.terminal import result, result_json, table


@click.command()
@click.option("-n", "--number", type=click.IntRange(0), default=20, show_default=True, help="How many; 0 lists all.")
@output_option("text", "json")
def runs(number: int, output: str) -> None:
    """List the journal's runs, newest first.

    \b
    Examples:
      runbook runs
      runbook runs -n 0 --output json
    """
    journal = open_project().journal()
    try:
        found = list_runs(journal, limit=number)
    finally:
        journal.close()
    if output == "json":
        result_json([line.model_dump(mode="json") for line in found])
        return
    rows = [
        (line.id, line.status, line.mode, line.inventory, f"{line.started_at.astimezone():%Y-%m-%d %H:%M}", line.operator)
        for line in found
    ]
    result(table(("run", "status", "mode", "inventory", "started", "by"), rows) if rows else "no runs yet")
