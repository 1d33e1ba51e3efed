"""What is fuzzed: each target takes bytes, and may end in findings or a `RunbookError`, in nothing else.

A target is made with a folder of its own, so that what it prepares is prepared once.
"""

from contextlib import suppress

from fuzz.hosts import HOSTS
from fuzz.inventories import INVENTORIES
from fuzz.journals import JOURNALS
from fuzz.others import OTHERS
from fuzz.parts import Project
from fuzz.plans import PLANS
from fuzz.templates import TEMPLATES
from runbook_engine.app.cases.run_cases import run_cases
from runbook_engine.app.format_files import lay_out_text
from runbook_engine.app.import_playbook import import_playbook
from runbook_engine.app.project import open_project
from runbook_engine.app.validate import broken_config
from runbook_engine.loading.yaml_meaning import comments
from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.errors import RunbookError

LIMITS = Limits()
_TAGS = {"!vault": str, "!unsafe": str}


def runbook(folder):
    project = Project(folder)

    def check(data):
        project.write("runbooks/restore-settings.yml", data)
        project.checked("restore-settings")

    return check


def team(folder):
    project = Project(folder)

    def check(data):
        project.write("team.yml", data)
        project.checked("team.yml", "restore-settings")

    return check


def config(folder):
    project = Project(folder)

    def check(data):
        project.write("runbook.toml", data)
        with suppress(RunbookError):
            broken_config(project.root)
        project.checked()

    return check


def layout(folder):
    """`runbook fmt`: whatever comes out says what went in, comments and all, and is laid out already."""

    def check(data):
        try:
            after = lay_out_text(data, LIMITS).after
        except RunbookError:
            return
        before = read_yaml(data, file="f", limits=LIMITS, tags=_TAGS, warn_ambiguous=False)
        again = read_yaml(after, file="f", limits=LIMITS, tags=_TAGS, warn_ambiguous=False)
        assert not has_errors(again.diagnostics), (after, again.diagnostics)
        assert repr(again.root) == repr(before.root), after
        assert comments(after) == comments(data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")), after

    return check


def playbook(folder):
    """`runbook import-playbook`: what is made of a playbook is YAML that `validate` reads."""
    project = Project(folder)
    path = project.write("site.yml", b"")

    def check(data):
        path.write_bytes(data)
        try:
            made = import_playbook(open_project(project.root), path, name="made", write=False)
        except RunbookError:
            return
        read = read_yaml(made.text, file="made.yml", limits=LIMITS)
        assert not has_errors(read.diagnostics), (made.text, read.diagnostics)
        project.write("runbooks/made.yml", made.text.encode())
        project.checked("made")

    return check


def cases(folder):
    """`runbook test`."""
    project = Project(folder)

    def check(data):
        project.write("runbooks/tests/restore-settings.yml", data)
        with suppress(RunbookError):
            list(run_cases(open_project(project.root)))

    return check


TARGETS = {
    **{each.__name__: each for each in (runbook, team, config, layout, playbook, cases)},
    **INVENTORIES,
    **TEMPLATES,
    **PLANS,
    **JOURNALS,
    **HOSTS,
    **OTHERS,
}
