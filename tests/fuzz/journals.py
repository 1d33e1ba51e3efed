"""Journals as targets of `targets.py` are: a damaged database, and a whole one that says odd things."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime

from fuzz.events import ACTOR, OPENING, a_run
from runbook_engine.app.audit import read_log, verify
from runbook_engine.app.history import durations, read_history
from runbook_engine.app.prune import Retention, preview
from runbook_engine.app.report import FORMATS, make_report, render_comparison, render_report, report_text
from runbook_engine.app.status import list_runs, outcomes_by_step, run_status
from runbook_engine.cli.run_view import RunView
from runbook_engine.execution.state import RunState
from runbook_engine.journals.address import open_journal
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import EVENT

_KEYS = {"events": "run, seq", "runs": "id", "tasks": "run, task", "outputs": "run, task, number, stream"}
_NOW = datetime(2026, 11, 26, tzinfo=UTC)


def journal(folder):
    """A journal's database with some bytes of a row, or of a page, exchanged: told as damage or as an error.

    The input is a list of changes: which column of which row, and what it is to hold.
    """
    original = folder / "original.db"
    made = open_journal("sqlite:///original.db", project=folder, create=True)
    for run in ("run-a", "run-b"):
        made.open_run(run, OPENING, ACTOR)
        made.append(run, a_run(), ACTOR, outputs={("a@h", 1): {"stdout": b"x" * 100}})
    made.close()

    def check(data):
        path = folder / "journal.db"
        shutil.copyfile(original, path)
        path.chmod(0o600)
        _change(path, data)
        with (
            suppress(RunbookError),
            closing(open_journal("sqlite:///journal.db", project=folder, create=False)) as opened,
        ):
            _look(opened)

    return check


def record(_folder):
    """A journal whose chain is whole, and whose events, one a line as JSON, come in any order and say anything."""

    def check(data):
        made = MemoryJournal()
        made.open_run("run-a", OPENING, ACTOR)
        for line in data.split(b"\n")[:60]:
            try:
                event = EVENT.validate_json(line)
            except ValueError:
                continue
            with suppress(RunbookError):
                made.append("run-a", [event], ACTOR)
        _look(made)

    return check


def _look(opened):
    """Read a journal as every command does that only looks."""
    verify(opened).model_dump_json()
    for use in (
        list_runs,
        lambda one: preview(one, Retention(keep=1)),
        lambda one: read_history(one, OPENING.runbook, 5),
    ):
        with suppress(RunbookError):
            use(opened)
    for head in opened.runs():
        with suppress(RunbookError):
            _look_at(opened, head)


def _look_at(opened, head):
    run_status(opened, head, now=_NOW).model_dump_json()
    outcomes_by_step(opened, head.id)
    events = list(read_log(opened, head.id))
    durations(events)
    json.dumps([one.as_json() for one in events])
    state = RunState(head.id, events)
    for task in state.tasks:
        state.tokens(task)
    view = RunView()
    for one in events:
        view.take(one)
    report = make_report(opened, head.id, verify=True)
    report_text(report)
    for form in FORMATS:
        render_report(report, form)
    for form in ("md", "json"):
        render_comparison(report, report, form)


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
            for table in _KEYS
            for column in [each[1] for each in database.execute(f"PRAGMA table_info({table})")]
            for row in range(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        ]
        for change in data.split(b"\n")[:8]:
            if len(change) > 2:
                table, column, row = rows[int.from_bytes(change[:2], "big") % len(rows)]
                keys = _KEYS[table]
                where = f"({keys}) = (SELECT {keys} FROM {table} ORDER BY {keys} LIMIT 1 OFFSET {row})"
                with suppress(sqlite3.IntegrityError):
                    database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (_value(change[2:]),))


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


JOURNALS = {each.__name__: each for each in (journal, record)}
