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
@click.option("--lab", is_flag=True, help="With the recovery runbooks, inventories and people of the rehearsal lab.")
def init(folder: Path, *, lab: bool) -> None:
    """Make a small project to start from.

    It validates, the cases of its runbook pass (`runbook test`), and it runs on this machine. Nothing that is there is
    overwritten.

    Examples:
      runbook init my-project && cd my-project && runbook run restore-settings --dry-run
      runbook init --lab rehearsal && cd rehearsal && runbook lab up
    """
    person = re.sub(r"[^a-z0-9._-]", "-", os_user().lower()).lstrip("._-") or "me"
    for name in init_project(folder, person=person, lab=lab):
        result(f"wrote {folder / name}")
    begin = "" if folder == Path() else f"cd {folder} && "
    then = "runbook lab up" if lab else "runbook run restore-settings --dry-run"
    result(f"next: {begin}runbook validate && {then}")
