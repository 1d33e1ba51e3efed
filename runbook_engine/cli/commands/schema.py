"""runbook schema: what editors complete and check runbooks by."""

import json
from pathlib import Path

import click

from runbook_engine.app.project import open_project
from runbook_engine.app.schema import schema_of, team_schema
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option
from runbook_engine.cli.output_file import write_result


@documented
@click.option(
    "--of", type=click.Choice(("runbook", "team")), default="runbook", show_default=True, help="Of which kind of file."
)
@out_option
def schema(of: str, out: Path | None) -> None:
    """Print the JSON Schema of runbooks, or of team.yml, for editors.

    That of runbooks has every action that is installed or in the project's plugins.

    Examples:
      runbook schema -o runbook.schema.json
      runbook schema --of team -o team.schema.json
    """
    if of == "team":
        write_result(json.dumps(team_schema(), indent=2), out)
        return
    write_result(json.dumps(schema_of(open_project().catalog), indent=2), out)
