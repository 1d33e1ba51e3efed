"""What pruning left can't be changed unseen, and a removal that was no pruning can't be passed off as one."""

import gc
import hashlib
import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runbook_engine.journals.address import open_glance, open_journal
from runbook_engine.journals.chain import seal
from runbook_engine.journals.pruning import PruningRow, seal_pruning
from runbook_engine.model.errors import JournalError, PrunedRunError
from runbook_engine.model.event import Actor, AttemptFinished, NoteAdded, RunClosed, RunOpened
from runbook_engine.model.json import canonical_json
from runbook_engine.model.outcome import Outcome

ACTOR = Actor(name="dana", os_user="dana", host="laptop")
OPENING = RunOpened(runbook="region-failover", inventory="demo", mode="drill", fingerprint="f" * 64, engine_version="1")
SECRET = b"captured-output-that-is-to-go"


def open_one(journal, run):
    journal.open_run(run, OPENING, ACTOR)
    output = {"stdout": SECRET + os.urandom(200_000)}
    digests = {stream: hashlib.sha256(data).hexdigest() for stream, data in output.items()}
    end = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, output_digest=digests)
    journal.append(run, [end], ACTOR, outputs={("a@h", 1): output})
    journal.append(run, [NoteAdded(text="note"), RunClosed(status="succeeded")], ACTOR)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Runs a and b, a pruned, c, b pruned, d."""
    folder = tmp_path_factory.mktemp("pruned", numbered=True)
    journal = open_journal("sqlite:///journal.db", project=folder, create=True)
    for run, pruned in (("run-a", None), ("run-b", "run-a"), ("run-c", "run-b"), ("run-d", None)):
        open_one(journal, run)
        if pruned:
            journal.prune(pruned, ACTOR, "retention")
    assert journal.verify() == []
    journal.close()
    return folder / "journal.db"


@pytest.fixture
def tampered(original, tmp_path):
    counter = iter(range(1_000))

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
        ("UPDATE events SET body = replace(body, 'drill', 'live') WHERE run = 'run-a' AND seq = 1", ("run-a", 1, "changed")),
        ("UPDATE events SET body = replace(body, 'succeeded', 'failed') WHERE run = 'run-a' AND seq = 4", ("run-a", 4, "changed")),
        ("UPDATE events SET kind = 'note.added' WHERE run = 'run-a' AND seq = 4", ("run-a", 4, "changed")),
        ("UPDATE events SET hash = 'x' WHERE run = 'run-a' AND seq = 4", ("run-a", 4, "changed")),
        ("DELETE FROM events WHERE run = 'run-a' AND seq = 4", ("run-a", 4, "missing")),
        ("DELETE FROM events WHERE run = 'run-a'", ("run-a", 1, "missing")),
        ("UPDATE runs SET status = 'failed' WHERE id = 'run-a'", ("run-a", 0, "head")),
        ("UPDATE runs SET head_hash = 'x' WHERE id = 'run-a'", ("run-a", 0, "head")),
        ("UPDATE runs SET head_seq = 3 WHERE id = 'run-a'", ("run-a", 0, "head")),
        ("UPDATE runs SET operator = 'eve' WHERE id = 'run-a'", ("run-a", 0, "head")),
        ("INSERT INTO events SELECT run, 2, time, actor, kind, body, previous, hash FROM events WHERE run = 'run-a' AND seq = 4", ("run-a", 2, "inserted")),
        ("INSERT INTO outputs VALUES ('run-a', 't', 1, 'stdout', x'00', 'x')", ("run-a", 0, "inserted")),
        ("INSERT INTO tasks VALUES ('run-a', 't', 't', '', 2, 'attempt.finished', 'changed')", ("run-a", 0, "inserted")),
        ("UPDATE prunings SET actor = replace(actor, 'dana', 'eve') WHERE run = 'run-a'", ("run-a", 0, "changed")),
        ("UPDATE prunings SET time = replace(time, '20', '19') WHERE run = 'run-a'", ("run-a", 0, "changed")),
        ("UPDATE prunings SET body = replace(body, 'retention', 'accident') WHERE run = 'run-a'", ("run-a", 0, "changed")),
        ("UPDATE prunings SET body = x'00' WHERE run = 'run-a'", ("run-a", 0, "changed")),
        ("DELETE FROM prunings WHERE run = 'run-a'", ("run-a", 2, "missing")),
        ("DELETE FROM prunings WHERE run = 'run-a'", ("run-b", 0, "missing")),
        ("DELETE FROM prunings WHERE run = 'run-b'", ("run-b", 2, "missing")),
        ("DELETE FROM prunings WHERE run = 'run-b'", ("run-d", 1, "missing")),
        ("UPDATE prunings SET run = 'run-c' WHERE run = 'run-b'", ("run-c", 0, "changed")),
    ],
)  # fmt: skip
def test_each_change_is_found_where_it_is(tampered, statement, expected):
    assert expected in seen(tampered(statement))


def test_a_single_run_is_verified_by_its_own_record(tampered):
    assert tampered(run="run-a") == []
    assert seen(tampered("UPDATE runs SET status = 'failed' WHERE id = 'run-a'", run="run-a")) == {("run-a", 0, "head")}


def test_a_changed_record_is_named_besides_its_run(tampered):
    damages = tampered("UPDATE prunings SET actor = replace(actor, 'dana', 'eve') WHERE run = 'run-a'")
    assert any("pruning number 1 was changed" in damage.problem for damage in damages)


def forge(path, *, newest, newest_hash=None):
    """Delete run c's events, and write a record that fits the chain and what is left."""
    with closing(sqlite3.connect(path)) as database, database:
        rows = {row[1]: row for row in database.execute("SELECT * FROM events WHERE run = 'run-c'")}
        (first,) = database.execute(
            "SELECT hash FROM events JOIN runs ON id = run WHERE number = ? AND seq = 1", (newest,)
        ).fetchone()
        last = PruningRow(*database.execute("SELECT * FROM prunings WHERE run = 'run-b'").fetchone())
        removal = {
            "run": "run-c", "reason": "retention", "events": 4, "outputs": 1, "output_bytes": 1,
            "opened_hash": rows[1][-1], "closed_seq": 4, "closed_hash": rows[4][-1], "head_hash": rows[4][-1],
            "newest": newest, "newest_hash": newest_hash or first,
        }  # fmt: skip
        forged = PruningRow(3, "run-c", last.time, last.actor, canonical_json(removal), last.hash, "")
        database.execute("INSERT INTO prunings VALUES (?,?,?,?,?,?,?)", forged._replace(hash=seal_pruning(forged)))
        database.execute("DELETE FROM events WHERE run = 'run-c' AND seq IN (2, 3)")
        database.execute("DELETE FROM outputs WHERE run = 'run-c'")
        database.execute("DELETE FROM tasks WHERE run = 'run-c'")
    database.close()


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ({"newest": 3}, {("run-d", 1, "missing")}),
        ({"newest": 4, "newest_hash": "e" * 64}, {("run-c", 0, "swapped")}),
        ({"newest": 4}, set()),
    ],
)
def test_a_removal_can_be_passed_off_as_a_pruning_of_now_alone(original, tmp_path, claim, found):
    """A record that claims an earlier time contradicts the runs since; one of now is what the command would write."""
    shutil.copy(original, tmp_path / "journal.db")
    forge(tmp_path / "journal.db", **claim)
    journal = open_journal("sqlite:///journal.db", project=tmp_path, create=False)
    assert seen(journal.verify()) == found
    journal.close()


def test_a_damaged_run_is_evidence_and_is_not_pruned(original, tmp_path):
    path = tmp_path / "journal.db"
    shutil.copy(original, path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM events WHERE run = 'run-c' AND seq = 3")
    database.close()
    journal = open_journal("sqlite:///journal.db", project=tmp_path, create=False)
    with pytest.raises(JournalError, match="not pruned, because it is damaged"):
        journal.prune("run-c", ACTOR, "")
    assert len(journal.prunings()) == 2
    journal.close()


@contextmanager
def gc_off():
    """Let nothing be closed by chance."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def open_files(path):
    """What this process has open of this file."""
    return [fd for fd in Path("/proc/self/fd").iterdir() if fd.exists() and fd.samefile(path)]


def test_what_was_removed_leaves_the_file_and_the_file_shrinks(original, tmp_path):
    path = tmp_path / "journal.db"
    shutil.copy(original, path)
    journal = open_journal("sqlite:///journal.db", project=tmp_path, create=False)
    before = path.stat().st_size
    journal.prune("run-c", ACTOR, "")
    journal.compact()
    assert path.stat().st_size < before - 190_000
    assert path.read_bytes().count(SECRET) == 1, "the output of run d alone"
    assert not path.with_name("journal.db-wal").exists() or SECRET not in path.with_name("journal.db-wal").read_bytes()
    assert journal.verify() == []
    with gc_off():
        journal.compact()
        journal.close()
        assert not open_files(path)


def test_a_glance_knows_what_was_pruned(original, tmp_path):
    shutil.copy(original, tmp_path / "journal.db")
    glance = open_glance("sqlite:///journal.db", project=tmp_path)
    assert [(head.id, head.pruned) for head in glance.runs(limit=3)] == [
        ("run-d", False), ("run-c", False), ("run-b", True),
    ]  # fmt: skip
    assert glance.head("run-a").pruned
    with pytest.raises(PrunedRunError, match="pruned by dana"):
        glance.tally("run-a")
    glance.close()


def test_a_run_that_was_resealed_after_its_pruning_is_found(original, tmp_path):
    """A changed run.closed whose own hash was made to fit still is not the one that pruning left."""
    path = tmp_path / "journal.db"
    shutil.copy(original, path)
    with closing(sqlite3.connect(path)) as database, database:
        run, seq, time, actor, _, body, previous, _ = database.execute(
            "SELECT * FROM events WHERE run = 'run-a' AND seq = 4"
        ).fetchone()
        forged = body.replace("succeeded", "aborted")
        digest = seal(run, seq, time, actor, forged, previous)
        database.execute("UPDATE events SET body = ?, hash = ? WHERE run = ? AND seq = ?", (forged, digest, run, seq))
        database.execute("UPDATE runs SET status = 'aborted', head_hash = ? WHERE id = ?", (digest, run))
    database.close()
    journal = open_journal("sqlite:///journal.db", project=tmp_path, create=False)
    assert ("run-a", 4, "changed") in seen(journal.verify())
    journal.close()
