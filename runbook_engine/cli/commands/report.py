"""runbook report: what a run did, for people and for machines."""

from pathlib import Path

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.report import FORMATS, make_report, render_report
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option, run_argument
from runbook_engine.cli.output_file import write_result


@documented
@run_argument()
@click.option("--format", "form", type=click.Choice(FORMATS), default="md", show_default=True, help="For whom.")
@out_option
def report(run: str, form: str, out: Path | None) -> None:
    """Write the report of a run.

    RUN is an id, the beginning of one, or `last`. A run that is not over yet has a report, too.

    Examples:
      runbook report last
      runbook report 20261123-1015 --format html -o report.html
    """
    journal = open_project().journal()
    try:
        text = render_report(make_report(journal, find_run(journal, run).id, verify=True), form)
    finally:
        journal.close()
    write_result(text, out)
