"""What is fuzzed: each target takes bytes, and may end in findings or a `RunbookError`, in nothing else.

A target is made with a folder of its own, so that what it prepares is prepared once.
"""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from fuzz.others import OTHERS
from runbook_engine.app.cases.run_cases import run_cases
from runbook_engine.app.format_files import lay_out_text
from runbook_engine.app.import_playbook import import_playbook
from runbook_engine.app.init import init_project
from runbook_engine.app.project import open_project
from runbook_engine.app.validate import broken_config, validate
from runbook_engine.expressions.render import evaluate, render, render_text_template
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.journals.address import open_journal
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.loading.yaml_meaning import comments
from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import Actor, AttemptFinished, AttemptStarted, LeaseTaken, NoteAdded, RunOpened
from runbook_engine.model.inventory import Group, Inventory, Target
from runbook_engine.model.outcome import Outcome

LIMITS = Limits()
_TAGS = {"!vault": str, "!unsafe": str}


class Project:
    """A starter project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        init_project(self.root, person="dana")

    def write(self, name: str, data: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    def checked(self, *names: str) -> None:
        """Do what `runbook validate` does, up to the words."""
        with suppress(RunbookError):
            for found in validate(open_project(self.root), names).diagnostics:
                found.model_dump_json()


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


def inventory(folder):
    """An inventory as YAML, as INI, and as a file of variables."""
    project = Project(folder)
    path = {"yaml": "all/hosts.yml", "ini": "all/hosts", "vars": "all/group_vars/all.yml"}

    def check(data):
        for name in path.values():
            shutil.rmtree(project.root / "inventories/all", ignore_errors=True)
            if "group_vars" in name:
                project.write("inventories/all/hosts", b"[web]\nweb[1:2]\n")
            project.write(f"inventories/{name}", data)
            with suppress(RunbookError):
                load_inventory([project.root / "inventories/all"], name="all", project=project.root, limits=LIMITS)

    return check


def expression(folder):
    host = Target(name="web1", groups=("web",), variables={"region": "eu", "hostile": "{{ 1 + 1 }}", "list": [1, "a"]})
    groups = {name: Group(name=name) for name in ("all", "ungrouped", "web")}
    view = InventoryView(Inventory(name="demo", targets={"web1": host}, groups=groups))

    def check(data):
        text = data.decode("utf-8", "replace")
        for use in (evaluate, render, render_text_template):
            scope = Scope(target=host, inventory=view, inputs={"n": 3, "text": "a{{b"}, run={"id": "r", "mode": "live"})
            with suppress(RunbookError):
                json.dumps(use(text, scope) if use is evaluate else use(text, scope).value)

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


def journal(folder):
    """A journal's database with some bytes of a row, or of a page, exchanged: told as damage or as an error.

    The input is a list of changes: which column of which row, and what it is to hold.
    """
    original = folder / "original.db"
    _fill(folder)

    def check(data):
        path = folder / "journal.db"
        shutil.copyfile(original, path)
        path.chmod(0o600)
        _change(path, data)
        with suppress(RunbookError):
            opened = open_journal("sqlite:///journal.db", project=folder, create=False)
            try:
                for damage in opened.verify():
                    str(damage)
                for run in opened.runs():
                    with suppress(RunbookError):
                        list(opened.read(run.id))
            finally:
                opened.close()

    return check


def _fill(folder):
    actor = Actor(name="dana", os_user="dana", host="laptop")
    opening = RunOpened(
        runbook="region-failover", inventory="demo", mode="drill", fingerprint="f" * 64, engine_version="1"
    )
    made = open_journal("sqlite:///original.db", project=folder, create=True)
    for run in ("run-a", "run-b"):
        made.open_run(run, opening, actor)
        made.append(run, [LeaseTaken(holder="x", fence=1), AttemptStarted(task="a@h", number=1, token="t")], actor)
        end = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, output_digest={}, seconds=1.5)
        made.append(run, [end, NoteAdded(text="nöte")], actor)
    made.close()


def _change(path, data):
    if data[:1] == b"P":  # bytes of the file itself
        whole = bytearray(path.read_bytes())
        for index in range(1, len(data) - 3, 4):
            whole[int.from_bytes(data[index : index + 3], "big") % len(whole)] = data[index + 3]
        path.write_bytes(whole)
        return
    with closing(sqlite3.connect(path)) as database, database:
        rows = [
            (table, column, row)
            for table in ("events", "runs", "tasks")
            for column in [each[1] for each in database.execute(f"PRAGMA table_info({table})")]
            for row in range(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        ]
        for change in data.split(b"\n")[:8]:
            if len(change) > 2:
                table, column, row = rows[int.from_bytes(change[:2], "big") % len(rows)]
                keys = {"events": "run, seq", "runs": "id", "tasks": "run, task"}[table]
                where = f"({keys}) = (SELECT {keys} FROM {table} ORDER BY {keys} LIMIT 1 OFFSET {row})"
                with suppress(sqlite3.IntegrityError):
                    database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (_value(change[2:]),))
    database.close()


def _value(data):
    """Give what the row is to hold: a number, nothing, text, or bytes that are none."""
    with suppress(ValueError, OverflowError):
        return max(-(1 << 63), min(int(data), (1 << 63) - 1))
    if data == b"NULL":
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


TARGETS = {
    each.__name__: each for each in (runbook, team, config, inventory, expression, layout, playbook, cases, journal)
} | OTHERS
