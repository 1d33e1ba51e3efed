"""Writes the reference pages from the code itself: `python -m runbook_engine.cli.reference docs/reference`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from runbook_engine.app.list_actions import list_actions
from runbook_engine.app.schema import schema_of
from runbook_engine.cli.reference_actions import actions_page
from runbook_engine.cli.reference_aws import aws_page
from runbook_engine.cli.reference_commands import commands_page
from runbook_engine.cli.reference_format import format_page
from runbook_engine.discovery.catalog import build_catalog
from runbook_engine.model.json import JsonObject
from runbook_engine.ports.catalog import Catalog

PLUGINS = Path(__file__).parents[2] / "plugins"  # those that this repository ships


def reference_pages() -> dict[str, str]:
    """Give the text of each page by its file name.

    Actions are the built-in ones and those of the shipped plugins; the schema has the built-in ones, since a project
    has the plugins that it chose (`runbook schema` writes its own).
    """
    schema = schema_of(_catalog(()))
    actions = list_actions(_catalog([PLUGINS]))
    return {
        "cli.md": commands_page(),
        "actions.md": actions_page(actions, PLUGINS),
        "aws-support.md": aws_page(actions),
        "runbook-format.md": format_page(schema),
        "runbook.schema.json": _schema_text(schema),
    }


def _catalog(plugins: Sequence[Path]) -> Catalog:
    catalog, findings = build_catalog(plugins)
    if findings:
        raise RuntimeError(f"actions are broken: {findings[0].message}")
    return catalog


def write_reference(folder: Path) -> list[Path]:
    """Write every page that is not as it should be; give their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in reference_pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def _schema_text(schema: JsonObject) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its argument
        sys.exit("usage: python -m runbook_engine.cli.reference FOLDER")
    for changed in write_reference(Path(sys.argv[1])):
        print(f"wrote {changed}")
