"""What is written together with events: both are there, or neither is."""

import pytest

from runbook_engine.journals.address import open_journal
from runbook_engine.model.errors import JournalError, JournalUnavailableError
from runbook_engine.model.event import NoteAdded

NOTE = NoteAdded(text="here")


@pytest.fixture
def database(postgres):
    return postgres.new_database()


@pytest.fixture
def server_journal(postgres, database, tmp_path, actor, opening):
    journal = open_journal(postgres.url(database), project=tmp_path, create=True)
    journal.open_run("r", opening, actor)
    postgres.sql(database, "CREATE TABLE orders (name text PRIMARY KEY)")
    yield journal
    journal.close()


def _order(name):
    return lambda connection: connection.execute("INSERT INTO orders VALUES (%s)", [name])


def _rows(postgres, database):
    import psycopg

    with psycopg.connect(f"host={postgres.folder} user=runbook dbname={database}") as connection:
        return [name for (name,) in connection.execute("SELECT name FROM orders")]


def test_both_are_there(server_journal, postgres, database, actor):
    server_journal.append("r", [NOTE], actor, also=_order("a"))
    assert _rows(postgres, database) == ["a"]
    assert server_journal.version("r") == 2


def test_the_journal_refuses_and_neither_is_there(server_journal, postgres, database, actor):
    with pytest.raises(JournalError, match="knows no run other"):
        server_journal.append("other", [NOTE], actor, also=_order("a"))
    assert _rows(postgres, database) == []


def test_the_database_refuses_the_other_and_neither_is_there(server_journal, postgres, database, actor):
    server_journal.append("r", [NOTE], actor, also=_order("a"))
    with pytest.raises(JournalError, match="has this already"):
        server_journal.append("r", [NOTE], actor, also=_order("a"))
    assert server_journal.version("r") == 2


def test_a_connection_that_is_lost_on_the_way_is_a_journal_that_is_away(server_journal, postgres, database, actor):
    def lost(connection):
        postgres.sql(database, f"SELECT pg_terminate_backend({connection.info.backend_pid})")
        connection.execute("SELECT 1")

    with pytest.raises(JournalUnavailableError):
        server_journal.append("r", [NOTE], actor, also=lost)
    assert server_journal.version("r") == 1
    server_journal.append("r", [NOTE], actor, also=_order("again"))
    assert _rows(postgres, database) == ["again"]


@pytest.mark.parametrize("opener", ["memory", "sqlite"], indirect=True)
def test_other_journals_refuse_it(journal, actor, opening):
    journal.open_run("r", opening, actor)
    with pytest.raises(JournalError, match="only a journal in PostgreSQL"):
        journal.append("r", [NOTE], actor, also=lambda connection: connection.execute("SELECT 1"))
    assert journal.version("r") == 1
