"""runbook schema: what editors complete and check runbooks by."""

import json
from pathlib import Path

from runbook_engine.app.project import open_project
from runbook_engine.app.schema import schema_of
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import out_option
from runbook_engine.cli.output_file import write_result


@documented
@out_option
def schema(out: Path | None) -> None:
    """Print the JSON Schema of runbooks, for editors.

    It has every action that is installed or in the project's plugins.

    Example:
      runbook schema -o runbook.schema.json
    """
    write_result(json.dumps(schema_of(open_project().catalog), indent=2), out)
