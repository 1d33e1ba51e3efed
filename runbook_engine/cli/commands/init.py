"""runbook init: a project to start from."""

import re
from pathlib import Path

import click

from runbook_engine.app.init import init_project
from runbook_engine.app.project import os_user
from runbook_engine.cli.documented import documented
from runbook_engine.cli.options import NamedPath
from runbook_engine.cli.terminal import result


@documented
@click.argument("folder", default=".", type=NamedPath(file_okay=False), metavar="[DIR]")
def init(folder: Path) -> None:
    """Make a small project to start from.

    It validates, and its runbook runs on this machine. Nothing that is there is overwritten.

    Example:
      runbook init my-project && cd my-project && runbook run restore-settings --dry-run
    """
    person = re.sub(r"[^a-z0-9._-]", "-", os_user().lower()).lstrip("._-") or "me"
    for name in init_project(folder, person=person):
        result(f"wrote {folder / name}")
    begin = "" if folder == Path() else f"cd {folder} && "
    result(f"next: {begin}runbook validate && runbook run restore-settings --dry-run")
