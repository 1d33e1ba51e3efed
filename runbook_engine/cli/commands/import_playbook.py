"""runbook import-playbook: a runbook of an Ansible playbook, and an honest list of what is left to people."""

from pathlib import Path

import click

from runbook_engine.app.import_playbook import Imported
from runbook_engine.app.import_playbook import import_playbook as make_runbook
from runbook_engine.app.project import open_project
from runbook_engine.cli.documented import documented
from runbook_engine.cli.terminal import result, result_json, say
from runbook_engine.loading.folder import shown
from runbook_engine.model.errors import ExitCode, UsageError


@documented
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--name", default="", metavar="NAME", help="The runbook's name.  [default: the file's]")
@click.option("--stdout", is_flag=True, help="Print the runbook, and write nothing.")
@click.option("--without-ansible", is_flag=True, help="Leave to people what no action does, instead of to Ansible.")
@click.option(
    "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For whom."
)
def import_playbook(file: Path, name: str, stdout: bool, form: str, *, without_ansible: bool) -> int:
    """Turn an Ansible playbook into a runbook.

    Tasks become steps, one after the other. What no action does is left to Ansible (`ansible.module`), where that does
    the same: Ansible has to be installed where the engine runs. Any other task becomes a `manual.task` at its place, so
    that a run waits there for a person, and is listed, as is everything that is different here or was left out:
    handlers, gathered facts, lookups. The tasks of a role become steps, too; a role of which a person would have to do
    a part is run by Ansible as a whole (`ansible.playbook`), by a play of this role alone that is written beside the
    playbook (not with --stdout). The playbook is read and never run; nothing is asked of any host. An existing file is
    never replaced.

    Examples:
      runbook import-playbook site.yml
      runbook import-playbook site.yml --name restore-web --output json
      runbook import-playbook site.yml --stdout > draft.yml
    """
    if stdout and form == "json":
        raise UsageError("the runbook and JSON can't both go to the standard output", hint="leave one of them out")
    imported = make_runbook(open_project(), file, name=name, write=not stdout, asks_ansible=not without_ansible)
    if form == "json":
        result_json(_json(imported))
        return ExitCode.OK
    if stdout:
        click.echo(imported.text, nl=False)
    for remark in imported.conversion.remarks:
        mark = "by hand" if remark.by_hand else "look at"
        say(f"{remark.file}:{remark.line}: {mark}: {remark.task}: {remark.text}")
    count = len(imported.conversion.steps)
    say(f"{count} {'step' if count == 1 else 'steps'}, {imported.conversion.by_hand} left to people")
    if imported.path is not None:
        here = Path.cwd()
        for path in (*imported.plays, imported.path):
            result(f"wrote {shown(path.relative_to(here) if path.is_relative_to(here) else path)}")
        say(f"next: runbook validate {imported.name}; look at each step; runbook run {imported.name} --dry-run")
    return ExitCode.OK


def _json(imported: Imported) -> dict[str, object]:
    remarks = [
        {"file": one.file, "line": one.line, "task": one.task, "text": one.text, "by_hand": one.by_hand}
        for one in imported.conversion.remarks
    ]
    steps = len(imported.conversion.steps)
    plays = [str(path) for path in imported.plays]
    return {
        "runbook": imported.name,
        "path": str(imported.path),
        "plays": plays,
        "steps": steps,
        "remarks": remarks,
    }
