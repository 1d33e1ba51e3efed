"""runbook guide: a runbook as a guide for people."""

from pathlib import Path

import click

from runbook_engine.app.guide import make_guide
from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option, runbook_argument
from runbook_engine.cli.output_file import write_result
from runbook_engine.reporting.guide import guide_html, guide_markdown


@documented
@runbook_argument
@click.option("--format", "form", type=click.Choice(("md", "html")), default="md", show_default=True, help="As what.")
@out_option
def guide(name: str, form: str, out: Path | None) -> None:
    """Write a runbook as a guide for people who do its steps by hand.

    It is made from the file alone: no inventory is read, and no secret. Values of the reader's own stand as «name».

    Examples:
      runbook guide onprem-app-recovery
      runbook guide onprem-app-recovery --format html -o guide.html
    """
    made = make_guide(open_project(), name)
    write_result(guide_html(made) if form == "html" else guide_markdown(made), out)
