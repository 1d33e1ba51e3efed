"""What running attempts put out: overwritten, fenced, gone with the attempt's end, and never in the way of the record."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from runbook_engine.journals.address import open_database, open_journal
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.sql_rights import Roles
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import AttemptFinished, AttemptStarted, NoteAdded, RunClosed
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.live import Tail


def tail(words, task="a@h", *, number=1, stream="stdout", total=None, run="r1"):
    return Tail(run, task, number, stream, words, len(words) if total is None else total)


def begin(journal, actor, lease, *tasks, number=1, run="r1"):
    started = [AttemptStarted(task=task, number=number, token="t", parameters="p") for task in tasks]
    journal.append(run, started, actor, lease=lease)


def end(journal, actor, lease, task, number=1):
    done = AttemptFinished(task=task, number=number, outcome=Outcome.CHANGED, seconds=1.0)
    journal.append("r1", [done], actor, lease=lease)


def words(journal, run="r1"):
    return [(one.task, one.number, one.stream, one.data, one.total) for one in journal.shown(run)]


@pytest.fixture
def lease(journal, opening, actor):
    journal.open_run("r1", opening, actor)
    taken = journal.take_lease("run:r1", this_process(), 60)
    begin(journal, actor, taken, "a@h", "b@h")
    return taken


def test_the_newest_tail_stands_for_those_before_it_and_others_see_it(journal, lease, open_again, actor):
    assert (journal.shown("r1"), journal.shown_mark("r1")) == ([], 0)
    journal.show([tail(b"one\n"), tail(b"err\xff\x00", stream="stderr"), tail(b"b", "b@h")], lease)
    first = journal.shown_mark("r1")
    journal.show([tail(b"two\n", total=3_000_000_000)], lease)
    other = open_again()
    assert words(other) == [
        ("a@h", 1, "stderr", b"err\xff\x00", 5),
        ("a@h", 1, "stdout", b"two\n", 3_000_000_000),
        ("b@h", 1, "stdout", b"b", 1),
    ]
    assert other.shown_mark("r1") not in {0, first}
    assert other.shown("r2") == []
    assert other.shown_mark("r2") == 0
    now = next(iter(journal.append("r1", [NoteAdded(text="x")], actor))).time
    assert abs((now - other.shown("r1")[0].at).total_seconds()) < 60
    assert journal.verify() == [], "it is no evidence"


def test_it_goes_with_the_end_of_its_attempt_and_with_the_run(journal, lease, actor):
    journal.show([tail(b"a"), tail(b"e", stream="stderr"), tail(b"b", "b@h")], lease)
    end(journal, actor, lease, "a@h")
    assert words(journal) == [("b@h", 1, "stdout", b"b", 1)]
    journal.show([tail(b"too late")], lease)
    assert words(journal) == [("b@h", 1, "stdout", b"b", 1)]
    begin(journal, actor, lease, "a@h", number=2)
    journal.show([tail(b"again", number=2)], lease)
    assert [one[1] for one in words(journal)] == [2, 1]
    journal.append("r1", [RunClosed(status="failed")], actor, lease=lease)
    assert journal.shown("r1") == []
    journal.show([tail(b"closed", "c@h")], lease)
    assert journal.shown("r1") == []


def test_who_lost_the_lease_shows_nothing(journal, lease):
    journal.show([tail(b"mine")], lease)
    other = journal.take_lease("run:r1", replace(this_process(), pid=1), 60, take_over=True)
    journal.show([tail(b"not mine any more")], lease)
    assert words(journal) == [("a@h", 1, "stdout", b"mine", 4)]
    journal.show([tail(b"theirs")], other)
    assert words(journal)[0][3] == b"theirs"
    journal.release_lease(other)
    journal.show([tail(b"after")], other)
    assert words(journal)[0][3] == b"theirs"


@pytest.mark.parametrize("closes", [True, False])
def test_what_came_too_late_stays_behind_no_other_runs_end_and_no_pruning(tmp_path, opening, actor, closes):
    """By a race that only PostgreSQL has, a tail may be written just behind the end of its run."""
    journal = open_journal("sqlite:///a.db", project=tmp_path, create=True)
    for run in ("r1", "r2"):
        journal.open_run(run, opening, actor)
    journal.append("r1", [RunClosed(status="failed")], actor)
    database = open_database("sqlite:///a.db", project=tmp_path)
    with database.writing() as connection:
        left = "INSERT INTO live_output VALUES ('r1', 'a@h', 1, 'stdout', x'00', 1, '2026-01-01T00:00:00.000000Z')"
        connection.execute(text(left))
    assert len(journal.shown("r1")) == 1
    if closes:
        journal.append("r2", [RunClosed(status="failed")], actor)
    else:
        journal.prune("r1", actor, "old")
    assert journal.shown("r1") == []
    journal.close()
    database.close()


def test_the_record_is_written_while_somebody_shows_the_same(postgres, tmp_path, opening, actor):
    url = postgres.url(postgres.new_journal(), "journal_app")
    journal = open_journal(url, project=tmp_path, create=False)
    journal.open_run("r1", opening, actor)
    lease = journal.take_lease("run:r1", this_process(), 60)
    begin(journal, actor, lease, "a@h")
    threads = [threading.Thread(target=lambda: [journal.show([tail(b"x" * 4096)], lease) for _ in range(50)])]
    for thread in threads:
        thread.start()
    for number in range(1, 30):
        end(journal, actor, lease, "a@h", number)
        begin(journal, actor, lease, "a@h", number=number + 1)
    for thread in threads:
        thread.join()
    name = url.partition("@/")[2].partition("?")[0]
    idle = postgres.sql(name, "SELECT count(*) FROM pg_locks WHERE relation = 'live_output'::regclass")
    assert idle == [(0,)], "no lock is kept between statements"
    assert journal.verify() == []
    journal.close()


def test_a_row_that_somebody_holds_is_left_to_the_end_of_a_run(postgres, tmp_path, opening, actor):
    """Several tails are one transaction to the server, open until the last has come: of a frozen process, for long."""
    name = postgres.new_journal()
    journal = open_journal(postgres.url(name, "journal_app"), project=tmp_path, create=False)
    for run in ("r1", "r2", "r3"):
        journal.open_run(run, opening, actor)
    lease = journal.take_lease("run:r1", this_process(), 60)
    begin(journal, actor, lease, "a@h", "b@h")
    journal.show([tail(b"a"), tail(b"b", "b@h")], lease)
    holder = open_database(postgres.url(name, "journal_app"), project=tmp_path)
    with holder.writing() as connection:
        connection.execute(text("UPDATE live_output SET total = 2 WHERE task = 'a@h'"))
        end(journal, actor, lease, "a@h")
        end(journal, actor, lease, "b@h")
        journal.append("r2", [RunClosed(status="failed")], actor)
        journal.append("r1", [RunClosed(status="failed")], actor, lease=lease)
    assert [one[0] for one in words(journal)] == ["a@h"]
    journal.append("r3", [RunClosed(status="failed")], actor)
    assert words(journal) == []
    holder.close()
    journal.close()


def test_an_sqlite_file_that_is_locked_is_given_up_soon_and_the_record_waits_for_nobody(tmp_path, opening, actor):
    address = "sqlite:///.runbook/journal.db"
    journal = open_journal(address, project=tmp_path, create=True)
    journal.open_run("r1", opening, actor)
    lease = journal.take_lease("run:r1", this_process(), 60)
    begin(journal, actor, lease, "a@h")
    database = open_database(address, project=tmp_path)
    with database.writing(), pytest.raises(JournalError, match="locked"):
        journal.show([tail(b"x")], lease)
    journal.show([tail(b"y")], lease)
    end(journal, actor, lease, "a@h")
    with database.writing() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2, "what is recorded waits for the disk"
    database.close()
    journal.close()


def test_a_copy_and_a_backup_hold_no_more_than_the_record(tmp_path, opening, actor):
    journal = open_journal("sqlite:///a.db", project=tmp_path, create=True)
    journal.open_run("r1", opening, actor)
    lease = journal.take_lease("run:r1", this_process(), 60)
    begin(journal, actor, lease, "a@h")
    journal.show([tail(b"left by who was killed")], lease)
    journal.release_lease(lease)
    journal.close()
    source = open_database("sqlite:///a.db", project=tmp_path)
    target = open_database("sqlite:///b.db", project=tmp_path, create=True)
    source.copy_to(target)
    copy = open_journal("sqlite:///b.db", project=tmp_path, create=False)
    assert copy.shown("r1") == []
    assert copy.verify() == []
    for one in (copy, source, target):
        one.close()


def test_roles_that_were_there_before_the_table_may_use_it_after_the_upgrade(postgres, tmp_path, opening, actor):
    name = postgres.new_journal()
    owner = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    with owner.writing() as connection:
        connection.execute(text("DROP TABLE live_output"))
        connection.execute(text("UPDATE meta SET value = 5 WHERE key = 'schema_version'"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    assert owner.upgrade()[0] == 5
    journal = open_journal(postgres.url(name, "journal_app"), project=tmp_path, create=False)
    journal.open_run("r1", opening, actor)
    lease = journal.take_lease("run:r1", this_process(), 60)
    begin(journal, actor, lease, "a@h")
    journal.show([tail(b"x")], lease)
    reader = open_journal(postgres.url(name, "journal_reader"), project=tmp_path, create=False)
    assert len(words(reader)) == 1
    with pytest.raises(JournalError, match="permission denied"):
        reader.show([tail(b"y")], lease)
    assert {look.level for look in owner.examine()} <= {"ok", "note"}
    assert owner.make(Roles(("journal_app",), ("journal_reader",))) is False
    for one in (journal, reader, owner):
        one.close()
