"""runbook schema: what editors complete and check runbooks by."""

import json
from pathlib import Path

import click

from runbook_engine.app.project import open_project
from runbook_engine.app.schema import schema_of
from runbook_engine.cli.documented import documented
from runbook_engine.cli.output_file import write_result


@documented
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of runbooks, for editors.

    It has every action that is installed or in the project's plugins.

    Example:
      runbook schema -o runbook.schema.json
    """
    write_result(json.dumps(schema_of(open_project().catalog), indent=2), out)
