"""A journal in PostgreSQL: the server restarts, is away, or answers too late."""

import shutil
import threading

import pytest
from support.in_background import in_background

from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import JournalError, JournalUnavailableError, LeaseError
from runbook_engine.model.event import NoteAdded
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
