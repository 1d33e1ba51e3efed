"""runbook validate: every finding at once, for people and for machines."""

from pathlib import Path

import click

from runbook_engine.app.git import folder_in_repository
from runbook_engine.app.named_project import named_project
from runbook_engine.app.project import open_project
from runbook_engine.app.validate import Validation, broken_config, files_checked
from runbook_engine.app.validate import validate as check
from runbook_engine.cli.documented import documented
from runbook_engine.cli.terminal import result, say
from runbook_engine.loading.diagnostic_formats import FORMATS, render
from runbook_engine.loading.diagnostics import summary
from runbook_engine.model.errors import ExitCode, InvalidInputError


@documented
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="For whom.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
def validate(paths: tuple[str, ...], form: str, strict: bool) -> int:
    """Check runbooks, inventories, team and configuration.

    Everything that is wrong is told at once, with file, line, column, rule and what to do. Without PATH the whole
    project is checked; a folder with a runbook.toml is a project that is checked as a whole, from wherever somebody
    stands. Ends with 3 when anything is invalid.

    Examples:
      runbook validate
      runbook validate runbooks/region-failover.yml --strict
      runbook validate --format github
      runbook validate ops/dr
    """
    start, names = named_project(paths)
    found = _look(start, names)
    refused = found.refused(strict=strict)
    text = render(
        found.diagnostics,
        found.sources,
        output_format=form,
        files=found.files,
        folder=folder_in_repository(start),
        strict=strict,
    )
    if text:
        result(text)
    counted = summary(found.diagnostics)
    say(f"{files_checked(found.files)} checked: {counted or 'all valid'}")
    return ExitCode.INVALID if refused else ExitCode.OK


def _look(start: Path, names: tuple[str, ...]) -> Validation:
    try:
        project = open_project(start)
    except InvalidInputError:
        # A broken runbook.toml is a finding like others, with its place; anything else that refuses is not.
        broken = broken_config(start)
        if broken is None:
            raise
        return broken
    return check(project, names)
