"""The tables of a journal: made at once or version by version, taken over from before there were migrations."""

import re

import pytest
from sqlalchemy import inspect, text

from runbook_engine.journals.address import open_database, open_journal
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.ledger import SCHEMA_VERSION
from runbook_engine.journals.sql_migrate import migrate, newest
from runbook_engine.journals.sql_rights import Roles
from runbook_engine.journals.sql_schema import make_tables, revision_of
from runbook_engine.model.errors import ExitCode, JournalError, LeaseError
from runbook_engine.model.event import AttemptFinished, AttemptStarted, RunClosed
from runbook_engine.model.outcome import Outcome


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """Where there is no journal yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    server = request.getfixturevalue("postgres")
    return server.url(server.new_database(), "journal_owner")


@pytest.fixture
def database(address, tmp_path):
    database = open_database(address, project=tmp_path, create=True)
    yield database
    database.close()


@pytest.fixture
def written(address, tmp_path, database, opening, actor):
    """A journal with a run, and its events."""
    database.make(Roles())
    journal = open_journal(address, project=tmp_path, create=False)
    journal.open_run("r1", opening, actor)
    outcome = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, seconds=1.0)
    journal.append("r1", [AttemptStarted(task="a@h", number=1, token="t", parameters="p"), outcome], actor)
    journal.append("r1", [RunClosed(status="succeeded")], actor)
    events, tally = list(journal.read("r1")), journal.tally("r1")
    journal.close()
    return events, tally


def described(connection):
    """Give everything that the database says of its tables."""
    found = {}
    for table in sorted(inspect(connection).get_table_names()):
        look = inspect(connection)
        found[table] = (
            [(c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in look.get_columns(table)],
            look.get_pk_constraint(table)["constrained_columns"],
            sorted(str(key) for key in look.get_foreign_keys(table)),
            sorted(tuple(one["column_names"]) for one in look.get_unique_constraints(table)),
        )
    if connection.dialect.name == "sqlite":
        words = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'"))
        found["without rowid"] = sorted(name for name, _ in words)
    else:
        triggers = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname"
        sources = "SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'runbook%' ORDER BY proname"
        found["triggers"] = [tuple(row) for query in (triggers, sources) for row in connection.execute(text(query))]
    return found


def test_migrations_and_the_tables_as_they_are_made_at_once_are_the_same(database):
    with database.writing() as connection:
        make_tables(connection)
        at_once = described(connection)
        connection.rollback()
    with database.writing() as connection:
        migrate(connection, None)
        assert described(connection) == at_once
        assert connection.execute(text("SELECT value FROM meta ORDER BY key")).scalars().all() == [0, SCHEMA_VERSION]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest()]


def test_each_version_has_its_migration():
    assert newest() == revision_of(SCHEMA_VERSION)


def make_older(database, version):
    """Turn a journal into what an older version left, from before there were migrations."""
    with database.writing() as connection:
        connection.execute(text("DROP TABLE live_output"))
        connection.execute(text("UPDATE meta SET value = :v WHERE key = 'schema_version'"), {"v": version})
        if version >= 5:  # the first one that says which migrations it has
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision_of(version)})
            return
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION runbook_append_only() CASCADE"))
            connection.execute(text("DROP FUNCTION runbook_tell() CASCADE"))
        connection.execute(text("DROP TABLE alembic_version"))
        if version == 1:
            connection.execute(text("DROP TABLE tasks"))
            connection.execute(text("DROP TABLE prunings"))


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_a_journal_from_before_is_taken_over_with_all_it_holds(database, written, address, tmp_path, version):
    with database.writing() as connection:
        whole = described(connection)
    make_older(database, version)
    with pytest.raises(JournalError, match="older version") as refused:
        open_journal(address, project=tmp_path, create=True)
    assert "runbook journal upgrade" in refused.value.hint
    assert database.upgrade() == (version, SCHEMA_VERSION)
    assert database.upgrade() == (SCHEMA_VERSION, SCHEMA_VERSION), "once more changes nothing"
    with database.writing() as connection:
        assert described(connection) == whole
    journal = open_journal(address, project=tmp_path, create=False)
    assert (list(journal.read("r1")), journal.tally("r1")) == written
    assert journal.verify() == []
    journal.close()
    assert {look.level for look in database.examine()} <= {"ok", "note"}


def test_a_newer_journal_is_left_alone(database, written, address, tmp_path):
    with database.writing() as connection:
        connection.execute(text("UPDATE meta SET value = 99 WHERE key = 'schema_version'"))
    for call in (database.upgrade, database.examine, lambda: database.make(Roles())):
        with pytest.raises(JournalError, match="newer version"):
            call()
    assert database.version() == 99


def test_an_upgrade_that_finds_damage_changes_nothing(database, written):
    make_older(database, 1)
    with database.writing() as connection:
        connection.execute(text("UPDATE events SET body = '{}' WHERE seq = 2"))
        before = described(connection)
    with pytest.raises(JournalError, match="event 2") as refused:
        database.upgrade()
    assert refused.value.exit_code == ExitCode.JOURNAL
    with database.writing() as connection:
        assert described(connection) == before
    assert database.version() == 1


def test_no_upgrade_while_somebody_is_at_work(database, written, address, tmp_path):
    journal = open_journal(address, project=tmp_path, create=False)
    lease = journal.take_lease("run:r1", this_process(), 60)
    make_older(database, 4)
    with pytest.raises(LeaseError, match="run:r1 is held by"):
        database.upgrade()
    assert database.version() == 4
    journal.release_lease(lease)
    journal.close()
    assert database.upgrade() == (4, SCHEMA_VERSION)


def test_nothing_to_upgrade_and_foreign_tables_are_said(database):
    with pytest.raises(JournalError, match="no journal yet"):
        database.upgrade()
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE events (a INTEGER)"))
    for call in (database.upgrade, database.examine, lambda: database.make(Roles())):
        with pytest.raises(JournalError, match="somebody else's"):
            call()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE runs ADD COLUMN colour TEXT", "colour"),
        ("ALTER TABLE outputs DROP COLUMN sha256", "sha256"),
        ("DROP TABLE tasks", "tasks"),
    ],
)
def test_tables_that_were_changed_are_told(database, change, told):
    database.make(Roles())
    with database.writing() as connection:
        connection.execute(text(change))
    wrong = [look for look in database.examine() if look.level == "wrong"]
    assert [look.name for look in wrong] == ["tables"]
    assert re.search(rf"\b{told}\b", wrong[0].text), wrong[0].text
