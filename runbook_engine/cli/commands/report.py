"""runbook report: what a run did, for people and for machines."""

from pathlib import Path

import click

from runbook_engine.app.find_run import find_run
from runbook_engine.app.project import open_project
from runbook_engine.app.report import FORMATS, make_report, render_comparison, render_report
from runbook_engine.app.whole import refuse_damaged
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option, run_argument
from runbook_engine.cli.output_file import write_result
from runbook_engine.model.errors import UsageError


@documented
@run_argument()
@click.option("--format", "form", type=click.Choice(FORMATS), default="md", show_default=True, help="For whom.")
@click.option(
    "--compare", "other", metavar="RUN", help="Set another run beside it, in place of its report: md or json."
)
@out_option
def report(run: str, form: str, other: str | None, out: Path | None) -> None:
    """Write the report of a run.

    RUN is an id, the beginning of one, or `last`. A run that is not over yet has a report, too.
    Two runs are compared only while the record of both is what was written.

    Examples:
      runbook report last
      runbook report 20261123-1015 --format html -o report.html
      runbook report 20261123-1015 --compare 20251120-0930
    """
    if other is not None and form not in {"md", "json"}:
        raise UsageError(f"two runs are compared as md or json, not as {form}", hint="leave --format out")
    journal = open_project().journal()
    try:
        found = find_run(journal, run).id
        if other is not None:
            second = find_run(journal, other).id
            refuse_damaged(journal, found)
            refuse_damaged(journal, second)
            text = render_comparison(make_report(journal, found), make_report(journal, second), form)
        else:
            text = render_report(make_report(journal, found, verify=True), form)
    finally:
        journal.close()
    write_result(text, out)
