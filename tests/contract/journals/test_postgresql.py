"""A journal in PostgreSQL: the server restarts, is away, or answers too late."""

import shutil
import threading

import pytest
from sqlalchemy import event, make_url
from support.in_background import in_background

from runbook_engine.journals.address import open_journal
from runbook_engine.journals.sql import SqlJournal
from runbook_engine.journals.sql_admin import JournalDatabase
from runbook_engine.journals.sql_silent import SILENT_SECONDS
from runbook_engine.journals.sql_store import postgresql_store
from runbook_engine.model.errors import ExitCode, JournalError, JournalHeldError, JournalUnavailableError, LeaseError
from runbook_engine.model.event import NoteAdded, RunClosed
from runbook_engine.ports.journal import Holder


@pytest.fixture
def server(request):
    """A server of this test's own, since it is going to be stopped."""
    own = request.getfixturevalue("postgres").__class__(*request.getfixturevalue("own_folder"))
    yield own
    own.stop()
    shutil.rmtree(own.folder)


@pytest.fixture
def own_folder(postgres):
    import os
    import tempfile

    folder = tempfile.mkdtemp(prefix="rbpg")
    if postgres.user is not None:
        os.chown(folder, postgres.user, -1)
    return folder, postgres.user


def test_the_journal_goes_on_after_a_restart(server, tmp_path, opening, actor):
    journal = open_journal(server.url(server.new_database()), project=tmp_path, create=True)
    journal.open_run("r1", opening, actor)
    server.stop()
    for _ in range(2):
        with pytest.raises(JournalUnavailableError, match="can't be reached"):
            journal.append("r1", [NoteAdded(text="lost")], actor)
    server.start()
    assert journal.append("r1", [NoteAdded(text="again")], actor)[0].seq == 2
    assert journal.verify() == []
    journal.close()


def test_a_batch_whose_answer_was_lost_is_not_written_twice(server, tmp_path, opening, actor):
    """The commit arrives, its answer does not: trying the same batch again gives the events that are there."""
    from sqlalchemy.exc import OperationalError

    journal = open_journal(server.url(server.new_database()), project=tmp_path, create=True)
    journal.open_run("r1", opening, actor)
    batch = [NoteAdded(text="once"), NoteAdded(text="only")]

    def lose_the_answer(dialect_commit):
        def commit(connection):
            dialect_commit(connection)
            import psycopg

            raise OperationalError("COMMIT", {}, psycopg.OperationalError("server closed the connection unexpectedly"))

        return commit

    dialect = journal._store.writer.dialect
    whole = dialect.do_commit
    dialect.do_commit = lose_the_answer(whole)
    with pytest.raises(JournalUnavailableError):
        journal.append("r1", batch, actor)
    dialect.do_commit = whole
    stored = journal.append("r1", batch, actor)
    assert [each.seq for each in stored] == [2, 3]
    assert list(journal.read("r1", after=1)) == stored
    assert [each.seq for each in journal.append("r1", batch, actor)] == [4, 5], "said again on purpose, it is new"
    assert journal.verify() == []
    journal.close()


def test_a_database_without_a_journal_is_said(postgres, tmp_path):
    url = postgres.url(postgres.new_database())
    with pytest.raises(JournalError, match="no journal yet") as none:
        open_journal(url, project=tmp_path, create=False)
    assert "runbook journal init" in none.value.hint
    open_journal(url, project=tmp_path, create=True).close()
    open_journal(url, project=tmp_path, create=False).close()


def test_a_database_that_is_not_there_is_said(postgres, tmp_path):
    with pytest.raises(JournalError, match="does not exist"):
        open_journal(postgres.url("nowhere"), project=tmp_path, create=True)


def test_who_is_frozen_in_a_transaction_keeps_nobody_from_taking_the_lease_over(postgres, tmp_path, opening, actor):
    url = postgres.url(postgres.new_journal(), "journal_app")
    ours, others = (open_journal(url, project=tmp_path, create=False) for _ in range(2))
    lease = ours.take_lease("run:r1", Holder(host="frozen", boot="b", pid=1, started=1), 60)
    ours.open_run("r1", opening, actor, lease=lease)
    in_mid_transaction, wakes = threading.Event(), threading.Event()

    def freeze(connection):
        def shown(name):
            return int(connection.execute(f"SELECT setting FROM pg_settings WHERE name = '{name}'").fetchone()[0])

        assert 0 < shown("idle_in_transaction_session_timeout") < shown("lock_timeout"), "before those who wait give up"
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = '300ms'")  # not that long in a test
        in_mid_transaction.set()
        wakes.wait(60)

    thread, ended = in_background(lambda: ours.append("r1", [NoteAdded(text="late")], actor, lease=lease, also=freeze))
    assert in_mid_transaction.wait(60), ended
    taken = others.take_lease("run:r1", Holder(host="other", boot="c", pid=2, started=2), 60, take_over=True)
    assert taken.fence == lease.fence + 1
    wakes.set()
    thread.join(60)
    assert isinstance(ended[0], JournalUnavailableError), "as after any lost connection, it may ask again"
    with pytest.raises(LeaseError, match="the right to advance run:r1 was lost"):
        ours.append("r1", [NoteAdded(text="late")], actor, lease=lease)
    assert [stored.seq for stored in others.read("r1")] == [1], "who wakes writes nothing"
    ours.close()
    others.close()


def _opened(url, silent_seconds=SILENT_SECONDS, **limits):
    """Open a journal whose sessions wait a shorter time than usual; these are tests."""
    store = postgresql_store(make_url(url))

    def limit(connection, _record):
        for name, value in limits.items():
            connection.execute(f"SET {name} = '{value}'")
        connection.commit()

    event.listen(store.reader, "connect", limit)  # after ours
    return SqlJournal(store.prepared(create=False), silent_seconds=silent_seconds)


@pytest.mark.parametrize("who", ["takes over", "says something", "opens another run"])
def test_who_is_frozen_in_a_batch_keeps_nobody_waiting_for_long(postgres, tmp_path, opening, actor, who):
    url = postgres.url(postgres.new_journal(), "journal_app")
    ours, others = open_journal(url, project=tmp_path, create=False), _opened(url, 0.3, lock_timeout="1s")
    lease = ours.take_lease("run:r1", Holder(host="frozen", boot="b", pid=1, started=1), 60)
    ours.open_run("r1", opening, actor, lease=lease)
    in_mid_batch, wakes = threading.Event(), threading.Event()

    def freeze(connection):
        connection.execute("SELECT value FROM meta WHERE key = 'runs_opened' FOR UPDATE")
        with connection.pipeline():
            connection.execute("SELECT 1")  # sent, and the server waits for what else is in the batch
            in_mid_batch.set()
            wakes.wait(60)

    thread, ended = in_background(lambda: ours.append("r1", [NoteAdded(text="late")], actor, lease=lease, also=freeze))
    assert in_mid_batch.wait(60), ended
    if who == "takes over":
        assert others.take_lease("run:r1", lease.holder, 60, take_over=True).fence == lease.fence + 1
    elif who == "says something":
        assert [one.seq for one in others.append("r1", [NoteAdded(text="here")], actor)] == [2]
    else:
        assert others.open_run("r2", opening, actor).seq == 1
    wakes.set()
    thread.join(60)
    assert isinstance(ended[0], JournalUnavailableError), "as after any lost connection, it may ask again"
    assert "late" not in str([stored.event for stored in others.read("r1")])
    ours.close()
    others.close()


def test_who_is_at_work_is_waited_for_and_left_alone(postgres, tmp_path, opening, actor):
    url = postgres.url(postgres.new_journal(), "journal_app")
    ours, others = open_journal(url, project=tmp_path, create=False), _opened(url, lock_timeout="100ms")
    ours.open_run("r1", opening, actor)

    def work(connection):
        with pytest.raises(JournalHeldError, match="is held by another session for too long") as refused:
            others.append("r1", [NoteAdded(text="me, too")], actor)
        assert refused.value.exit_code == ExitCode.JOURNAL
        connection.execute("SELECT 1")

    assert [one.seq for one in ours.append("r1", [NoteAdded(text="slowly")], actor, also=work)] == [2]
    ours.close()
    others.close()


@pytest.mark.parametrize("does", ["verify", "prune", "copy"])
def test_whoever_reads_a_large_journal_as_a_whole_may_take_long_in_between(postgres, opening, actor, does):
    source, limits = _watched(postgres.url(postgres.new_journal(), "journal_owner"))
    journal = SqlJournal(source)
    for run in ("r1", "r2"):
        journal.open_run(run, opening, actor)
        journal.append(run, [RunClosed(status="succeeded")], actor)
    limits.clear()
    if does == "verify":
        assert journal.verify() == []
    elif does == "prune":
        assert journal.prune("r1", actor, "old").run == "r1"
    else:
        store, others = _watched(postgres.url(postgres.new_database(), "journal_owner"))
        target = JournalDatabase(store)
        assert JournalDatabase(source).copy_to(target).runs == 2
        target.close()
        limits |= others
    journal.close()
    assert limits == {("0", "0")}, "neither a statement nor a pause between two of them is cut off"


def _watched(url):
    """Name a database, with what limits there were each time that events were read from it."""
    store, limits = postgresql_store(make_url(url)), set()

    def look(connection, _cursor, statement, *_):
        if statement.lstrip().startswith("SELECT events."):
            asked = (
                "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
            )
            limits.add(connection.connection.driver_connection.execute(asked).fetchone())

    for engine in (store.reader, store.writer):
        event.listen(engine, "after_cursor_execute", look)
    return store, limits
