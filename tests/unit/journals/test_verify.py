"""Whatever is changed in a journal's database behind its back is found, and the event is named."""

import hashlib
import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import ExitCode, JournalError
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    LeaseTaken,
    NoteAdded,
    RunClosed,
    RunOpened,
)
from runbook_engine.model.outcome import Outcome

ACTOR = Actor(name="dana", os_user="dana", host="laptop")
OPENING = RunOpened(runbook="region-failover", inventory="demo", mode="drill", fingerprint="f" * 64, engine_version="1")


def fill(journal):
    out = {"stdout": b"hello\xff\n", "stderr": b""}
    digests = {stream: hashlib.sha256(data).hexdigest() for stream, data in out.items()}
    for run in ("run-a", "run-b", "run-c"):
        journal.open_run(run, OPENING, ACTOR)
        journal.append(run, [LeaseTaken(holder="x", fence=1), AttemptStarted(task="a@h", number=1, token="t")], ACTOR)
        end = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, output_digest=digests, seconds=1.5)
        journal.append(run, [end, NoteAdded(text="nöte")], ACTOR, outputs={("a@h", 1): out})
    journal.append("run-a", [RunClosed(status="succeeded", counts={Outcome.CHANGED: 1})], ACTOR)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original", numbered=True)
    journal = open_journal("sqlite:///journal.db", project=folder, create=True)
    fill(journal)
    assert journal.verify() == []
    journal.close()
    return folder / "journal.db"


@pytest.fixture
def tampered(original, tmp_path):
    """Give a function that makes a copy of the journal, changes it with SQL, and verifies it."""
    counter = iter(range(1_000_000))

    def verify(*statements, run=None):
        path = tmp_path / f"{next(counter)}.db"
        shutil.copy(original, path)
        with closing(sqlite3.connect(path)) as database, database:
            for statement in statements:
                database.execute(*statement) if isinstance(statement, tuple) else database.execute(statement)
        database.close()
        journal = open_journal(f"sqlite:///{path.name}", project=tmp_path, create=False)
        try:
            return journal.verify(run)
        finally:
            journal.close()

    return verify


def seen(damages):
    return {(damage.run, damage.seq, damage.kind) for damage in damages}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE events SET body = replace(body, '1.5', '1.4') WHERE run = 'run-b' AND seq = 4", ("run-b", 4, "changed")),
        ("UPDATE events SET actor = replace(actor, 'dana', 'eve') WHERE run = 'run-b' AND seq = 2", ("run-b", 2, "changed")),
        ("UPDATE events SET time = replace(time, '20', '19') WHERE run = 'run-b' AND seq = 5", ("run-b", 5, "changed")),
        ("UPDATE events SET kind = 'run.paused' WHERE run = 'run-b' AND seq = 3", ("run-b", 3, "changed")),
        ("UPDATE events SET hash = substr(hash, 2) || 'g' WHERE run = 'run-b' AND seq = 3", ("run-b", 3, "changed")),
        ("UPDATE events SET previous = upper(previous) WHERE run = 'run-b' AND seq = 5", ("run-b", 5, "changed")),
        ("UPDATE events SET body = cast(body AS blob) WHERE run = 'run-b' AND seq = 4", ("run-b", 4, "changed")),
        ("UPDATE events SET body = x'ff' || body WHERE run = 'run-b' AND seq = 4", ("run-b", 4, "changed")),
        ("DELETE FROM events WHERE run = 'run-b' AND seq = 3", ("run-b", 3, "missing")),
        ("DELETE FROM events WHERE run = 'run-b' AND seq = 1", ("run-b", 1, "missing")),
        ("DELETE FROM events WHERE run = 'run-b' AND seq >= 4", ("run-b", 4, "tail")),
        ("UPDATE runs SET head_seq = 4 WHERE id = 'run-b'", ("run-b", 5, "inserted")),
        ("UPDATE runs SET head_hash = substr(head_hash, 2) || 'g' WHERE id = 'run-b'", ("run-b", 5, "head")),
        ("UPDATE runs SET status = 'failed' WHERE id = 'run-a'", ("run-a", 0, "head")),
        ("UPDATE runs SET closed_at = NULL WHERE id = 'run-a'", ("run-a", 0, "head")),
        ("UPDATE runs SET operator = 'eve' WHERE id = 'run-b'", ("run-b", 0, "head")),
        ("UPDATE runs SET number = 7 WHERE id = 'run-c'", ("run-c", 0, "head")),
        ("UPDATE runs SET mode = 'live' WHERE id = 'run-b'", ("run-b", 0, "head")),
        ("UPDATE outputs SET data = x'00' WHERE run = 'run-b' AND stream = 'stdout'", ("run-b", 4, "output")),
        ("UPDATE outputs SET sha256 = 'x' WHERE run = 'run-b' AND stream = 'stdout'", ("run-b", 4, "output")),
        ("UPDATE outputs SET task = 'b@h' WHERE run = 'run-b' AND stream = 'stdout'", ("run-b", 4, "output")),
        ("DELETE FROM outputs WHERE run = 'run-b' AND stream = 'stderr'", ("run-b", 4, "output")),
        ("INSERT INTO outputs VALUES ('run-b', 'c@h', 1, 'stdout', x'00', 'x')", ("run-b", 0, "output")),
    ],
)  # fmt: skip
def test_a_change_is_named(tampered, statement, expected):
    damages = tampered(statement)
    assert expected in seen(damages)
    assert {damage.run for damage in damages} <= {expected[0], "run-c", ""}


def test_one_changed_byte_is_told_once(tampered):
    assert len(tampered("UPDATE events SET body = replace(body, '1.5', '1.4') WHERE run = 'run-b' AND seq = 4")) == 1


def test_exchanged_events_are_found(tampered):
    damages = tampered(
        "UPDATE events SET seq = 99 WHERE run = 'run-b' AND seq = 3",
        "UPDATE events SET seq = 3 WHERE run = 'run-b' AND seq = 4",
        "UPDATE events SET seq = 4 WHERE run = 'run-b' AND seq = 99",
    )
    assert {("run-b", 3, "swapped"), ("run-b", 4, "swapped")} <= seen(damages)


def test_an_event_removed_with_the_rest_renumbered_is_found(tampered):
    damages = tampered(
        "DELETE FROM events WHERE run = 'run-b' AND seq = 3",
        "UPDATE events SET seq = 3 WHERE run = 'run-b' AND seq = 4",
        "UPDATE events SET seq = 4 WHERE run = 'run-b' AND seq = 5",
        "UPDATE runs SET head_seq = 4 WHERE id = 'run-b'",
    )
    assert ("run-b", 3, "swapped") in seen(damages)


def test_an_inserted_event_is_found_even_with_a_right_hash(tampered, original):
    from runbook_engine.journals.chain import make_row

    with closing(sqlite3.connect(original)) as database, database:
        (previous,) = database.execute("SELECT hash FROM events WHERE run = 'run-b' AND seq = 3").fetchone()
    database.close()
    row, _ = make_row("run-b", 4, "2026-01-01T00:00:00.000000Z", ACTOR, NoteAdded(text="never said"), previous)
    replaced = tampered(
        "DELETE FROM events WHERE run = 'run-b' AND seq = 4", ("INSERT INTO events VALUES (?,?,?,?,?,?,?,?)", row)
    )
    assert ("run-b", 5, "inserted") in seen(replaced)


def test_a_run_removed_as_a_whole_is_found(tampered):
    for run, number in (("run-a", 1), ("run-b", 2), ("run-c", 3)):
        damages = tampered(*(f"DELETE FROM {table} WHERE {key} = '{run}'" for table, key in
                             (("outputs", "run"), ("events", "run"), ("runs", "id"))))  # fmt: skip
        assert any(damage.problem == f"run number {number} is missing" for damage in damages), (run, damages)


def test_a_run_removed_with_the_rest_renumbered_is_found(tampered):
    damages = tampered(
        "DELETE FROM outputs WHERE run = 'run-b'",
        "DELETE FROM events WHERE run = 'run-b'",
        "DELETE FROM runs WHERE id = 'run-b'",
        "UPDATE runs SET number = 2 WHERE id = 'run-c'",
        "UPDATE meta SET value = 2 WHERE key = 'runs_opened'",
    )
    assert ("run-c", 1, "missing") in seen(damages)


def test_runs_with_exchanged_numbers_are_found(tampered):
    damages = tampered(
        "UPDATE runs SET number = 99 WHERE id = 'run-b'",
        "UPDATE runs SET number = 2 WHERE id = 'run-c'",
        "UPDATE runs SET number = 3 WHERE id = 'run-b'",
    )
    assert ("run-c", 1, "missing") in seen(damages)


def test_events_of_a_run_that_is_not_listed_are_found(tampered):
    damages = tampered("DELETE FROM runs WHERE id = 'run-b'")
    assert ("run-b", 0, "missing") in seen(damages)


def test_one_run_can_be_verified_alone(tampered):
    change = "UPDATE events SET hash = 'x' WHERE run = 'run-b' AND seq = 3"
    assert tampered(change, run="run-a") == []
    assert ("run-b", 3, "changed") in seen(tampered(change, run="run-b"))


def test_reading_a_damaged_event_names_it(original, tmp_path):
    changes = {
        "UPDATE events SET body = replace(body, 'hello', 'hallo'), hash = 'x' WHERE run = 'run-b' AND seq = 3": "event 3",
        "UPDATE events SET body = cast(x'7bff7d' AS text) WHERE run = 'run-b' AND seq = 2": "event 2",
        "DELETE FROM events WHERE run = 'run-b' AND seq = 2": "event 3",
        "DELETE FROM events WHERE run = 'run-b' AND seq = 1": "event 1",
        "DELETE FROM events WHERE run = 'run-b' AND seq = 5": "event 5",
    }
    for number, (change, name) in enumerate(changes.items()):
        path = tmp_path / f"{number}.db"
        shutil.copy(original, path)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(change)
        database.close()
        journal = open_journal(f"sqlite:///{path.name}", project=tmp_path, create=False)
        with pytest.raises(JournalError, match=f"run run-b, {name}:") as caught:
            list(journal.read("run-b"))
        assert caught.value.exit_code == ExitCode.JOURNAL
        assert "audit verify" in caught.value.hint
        journal.close()


COLUMNS = [
    *(("events", column) for column in ("run", "seq", "time", "actor", "kind", "body", "previous", "hash")),
    *(("runs", column) for column in (
        "id", "number", "runbook", "inventory", "mode", "opened_at", "status", "closed_at", "operator", "head_seq", "head_hash",
    )),
    *(("outputs", column) for column in ("run", "task", "number", "stream", "data", "sha256")),
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_any_column_is_found(tampered, original, data):
    table, column = data.draw(st.sampled_from(COLUMNS))
    with closing(sqlite3.connect(original)) as database, database:
        query = f"SELECT {column} FROM {table} WHERE length({column}) > 0"
        values = [value for (value,) in database.execute(query)]
    database.close()
    row = data.draw(st.integers(0, len(values) - 1))
    value = values[row]
    if isinstance(value, int):
        changed = value ^ (1 << data.draw(st.integers(0, 40)))
    else:
        raw = bytearray(value if isinstance(value, bytes) else value.encode())
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        changed = bytes(raw)
    target = "?" if isinstance(value, int | bytes) else "cast(? AS text)"
    # Tables without a row id can't be addressed by it: the row's own key finds it.
    place = f"SELECT {column} FROM {table} WHERE length({column}) > 0 LIMIT 1 OFFSET {row}"
    statement = f"UPDATE {table} SET {column} = {target} WHERE {column} = ({place})"
    try:
        damages = tampered("PRAGMA foreign_keys = OFF", (statement, (changed,)))
    except sqlite3.IntegrityError:
        return  # the database itself refuses this one
    except JournalError:
        return  # refused as a whole, which is found too
    assert damages != [], (table, column, value, changed)
