"""runbook schema: what editors complete and check runbooks by."""

import json
from pathlib import Path

import click

from runbook_engine.app.project import open_project
from runbook_engine.app.schema import OTHERS, schema_of
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option
from runbook_engine.cli.output_file import write_result


@documented
@click.option(
    "--of",
    type=click.Choice(("runbook", *OTHERS)),
    default="runbook",
    show_default=True,
    help="Of which kind of file: a runbook, team.yml, a file of cases, runbook.toml, an inventory in YAML.",
)
@out_option
def schema(of: str, out: Path | None) -> None:
    """Print the JSON Schema of runbooks, or of a project's other files, for editors.

    That of runbooks has every action that is installed or in the project's plugins.

    Examples:
      runbook schema -o runbook.schema.json
      runbook schema --of team -o team.schema.json
    """
    if of in OTHERS:
        write_result(json.dumps(OTHERS[of](), indent=2), out)
        return
    write_result(json.dumps(schema_of(open_project().catalog), indent=2), out)
