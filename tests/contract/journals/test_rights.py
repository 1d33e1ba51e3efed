"""PostgreSQL itself refuses what would change the record: by rights for who runs and who reads, by triggers for all."""

from pathlib import Path

import psycopg
import pytest

from runbook_engine.dispatchers.queue_schema import apply_schema
from runbook_engine.journals.address import open_database, open_journal
from runbook_engine.journals.sql_rights import Roles, grants
from runbook_engine.model.errors import ExitCode, InvalidInputError, JournalError, UsageError
from runbook_engine.model.event import Actor, AttemptFinished, NoteAdded, RunClosed, RunOpened
from runbook_engine.model.outcome import Outcome

CHANGES = [
    "UPDATE events SET body = '{}' WHERE seq = 1",
    "UPDATE events SET body = '{}' WHERE false",
    "DELETE FROM events",
    "TRUNCATE events",
    "UPDATE outputs SET data = ''",
    "DELETE FROM outputs",
    "TRUNCATE outputs",
    "UPDATE prunings SET body = ''",
    "DELETE FROM prunings",
]
BY_RIGHTS = "permission denied|must be owner"  # and not by a trigger
ONLY_BY_RIGHTS = [
    "DELETE FROM runs",
    "UPDATE runs SET id = 'other', number = 7",
    "UPDATE runs SET opened_at = ''",
    "DELETE FROM tasks",
    "DELETE FROM leases",
    "DELETE FROM meta",
    "INSERT INTO prunings VALUES (1, 'r1', '', '', '', '', '')",
    "DROP TABLE events",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "DROP TRIGGER events_append_only ON events",
    "ALTER TABLE events ADD COLUMN more TEXT",
    "CREATE TABLE more (a INTEGER)",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE OR REPLACE FUNCTION runbook_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
]


def written(postgres, opening, actor):
    """Give the database of a journal with a run, written by the role that runs have."""
    name = postgres.new_journal()
    journal = open_journal(postgres.url(name, "journal_app"), project=Path(postgres.folder), create=False)
    journal.open_run("r1", opening, actor)
    journal.append("r1", [NoteAdded(text="n")], actor)
    journal.close()
    return name


@pytest.fixture
def name(postgres, opening, actor):
    return written(postgres, opening, actor)


@pytest.fixture(scope="module")
def shared(postgres):
    """One for all tests in which nothing changes."""
    opening = RunOpened(runbook="b", inventory="i", mode="live", fingerprint="f" * 64, engine_version="1")
    return written(postgres, opening, Actor(name="dana"))


@pytest.mark.parametrize("statement", CHANGES + ONLY_BY_RIGHTS)
@pytest.mark.parametrize("role", ["journal_app", "journal_reader"])
def test_who_runs_and_who_reads_can_change_nothing(postgres, shared, role, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=BY_RIGHTS):
        postgres.sql(shared, statement, role)


def test_not_even_with_the_word_that_pruning_uses(postgres, shared):
    for statement in ("DELETE FROM events", "DELETE FROM outputs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=BY_RIGHTS):
            postgres.sql(shared, f"SET runbook.pruning = 'on'; {statement}", "journal_app")


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("role", ["journal_owner", "runbook"])
def test_the_owner_and_the_administrator_change_nothing_by_accident(postgres, shared, role, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        postgres.sql(shared, statement, role)


@pytest.mark.parametrize("table", ["events", "runs", "outputs", "tasks", "leases", "meta", "prunings", "live_output"])
def test_who_reads_can_add_nothing(postgres, shared, table):
    assert postgres.sql(shared, f"SELECT * FROM {table} LIMIT 1", "journal_reader") is not None
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.sql(shared, f"INSERT INTO {table} SELECT * FROM {table}", "journal_reader")


def test_a_reader_reads_and_verifies_and_is_told_why_it_can_not_write(postgres, name, tmp_path, actor):
    journal = open_journal(postgres.url(name, "journal_reader"), project=tmp_path, create=False)
    assert [stored.event.kind for stored in journal.read("r1")] == ["run.opened", "note.added"]
    assert journal.verify() == []
    with pytest.raises(JournalError, match="permission denied") as refused:
        journal.append("r1", [NoteAdded(text="more")], actor)
    assert refused.value.exit_code == ExitCode.JOURNAL
    assert "as its owner" in refused.value.hint
    journal.close()


def test_the_owner_prunes_and_the_role_that_runs_have_can_not(postgres, name, tmp_path, opening, actor):
    outcome = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, seconds=1.0)
    runs = open_journal(postgres.url(name, "journal_app"), project=tmp_path, create=False)
    runs.append("r1", [outcome, RunClosed(status="succeeded")], actor)
    runs.open_run("r2", opening, actor)
    with pytest.raises(JournalError, match="permission denied"):
        runs.prune("r1", actor, "old")
    assert runs.verify() == []
    owner = open_journal(postgres.url(name, "journal_owner"), project=tmp_path, create=False)
    assert owner.prune("r1", actor, "old").events == 4
    assert runs.verify() == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.sql(name, "DELETE FROM events", "journal_owner")
    for journal in (owner, runs):
        journal.close()


def test_the_application_can_not_make_a_journal_and_is_told_who_can(postgres, tmp_path):
    name = postgres.new_database()
    postgres.sql(name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(JournalError, match="permission denied") as refused:
        open_journal(postgres.url(name, "journal_app"), project=tmp_path, create=True)
    assert "as its owner" in refused.value.hint


def test_check_tells_who_may_do_what_and_what_was_switched_off(postgres, name, tmp_path):
    def looks(role):
        database = open_database(postgres.url(name, role), project=tmp_path)
        found = {look.name: look for look in database.examine()}
        database.close()
        return found

    assert looks("journal_app")["rights"].text == "the role journal_app can neither change nor remove events"
    assert {look.level for look in looks("journal_app").values()} == {"ok"}
    owner = looks("journal_owner")
    assert owner["rights"].level == "note"
    assert "--app-role" in owner["rights"].hint
    for role in ("journal_owner", "journal_app", "journal_reader"):
        assert looks(role)["roles"].text == "add: journal_app; read: journal_reader"
    postgres.sql(name, "ALTER TABLE events DISABLE TRIGGER events_append_only")
    postgres.sql(name, "DROP TRIGGER runs_tell ON runs")
    off = looks("journal_app")["triggers"]
    assert (off.level, off.text) == ("wrong", "missing or off: events_append_only, runs_tell")


def test_rights_are_made_what_they_should_be_and_survive_an_upgrade(postgres, name, tmp_path):
    postgres.sql(name, "GRANT ALL ON events TO journal_app")
    postgres.sql(name, "GRANT UPDATE ON runs TO journal_reader")
    database = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    assert database.make(Roles(("journal_app",), ("journal_reader",))) is False
    for role in ("journal_app", "journal_reader"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            postgres.sql(name, "UPDATE runs SET id = 'x'", role)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        postgres.sql(name, "DELETE FROM events", "journal_app")
    # As version 1 left it, with roles that had their rights from somewhere.
    for function in ("runbook_append_only", "runbook_tell"):
        postgres.sql(name, f"DROP FUNCTION {function}() CASCADE")
    postgres.sql(
        name,
        "DROP TABLE alembic_version, tasks, prunings, live_output;"
        " UPDATE meta SET value = 1 WHERE key = 'schema_version'",
    )
    database.upgrade()
    assert postgres.sql(name, "SELECT count(*) FROM tasks", "journal_reader") == [(0,)]
    journal = open_journal(postgres.url(name, "journal_app"), project=tmp_path, create=False)
    assert journal.verify() == []
    journal.close()
    database.close()


def test_roles_have_what_workers_need(postgres, tmp_path):
    name = postgres.new_database()
    database = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    assert database.make(Roles(("journal_app",), ("journal_reader",)), apply_schema)
    defer = "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('q', 't') RETURNING id"
    assert postgres.sql(name, defer, "journal_app") == [(1,)]
    postgres.sql(name, "INSERT INTO queue_runs VALUES ('r1', '{}'); DELETE FROM queue_runs", "journal_app")
    assert postgres.sql(name, "SELECT count(*) FROM queue_workers", "journal_reader") == [(0,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.sql(name, defer, "journal_reader")
    assert {look.level for look in database.examine()} <= {"ok", "note"}, "what is beside the journal is not its own"
    database.close()


OF_NO_WORKER = [
    *CHANGES,
    *ONLY_BY_RIGHTS,
    *(
        f"SELECT * FROM {table}"
        for table in ("events", "runs", "outputs", "tasks", "meta", "prunings", "queue_outputs")
    ),
    "INSERT INTO events SELECT * FROM events",
    "SELECT ticks FROM leases",
    "UPDATE leases SET fence = 9",
    "INSERT INTO queue_runs VALUES ('r1', '{}')",
    "UPDATE queue_runs SET facts = ''",
    "INSERT INTO queue_orders (run, task, number, queue, fence) VALUES ('r1', 't', 1, 'q', 1)",
    "UPDATE queue_orders SET body = ''",
    "UPDATE queue_orders SET queue = 'mine', fence = 9",
    "UPDATE queue_orders SET cancel = false",
    "UPDATE queue_outputs SET data = ''",
    "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('q', 't')",
    "TRUNCATE queue_orders CASCADE",
    "DROP TABLE procrastinate_jobs",
]


def test_a_worker_takes_orders_and_can_do_nothing_else(postgres, tmp_path):
    name = postgres.new_database()
    database = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    postgres.sql(name, "GRANT CREATE ON SCHEMA public TO PUBLIC", "runbook")
    database.make(Roles(), apply_schema)
    postgres.sql(name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "runbook")
    postgres.sql(name, "GRANT ALL ON events, leases, queue_orders TO journal_worker", "runbook")
    database.make(Roles(workers=("journal_worker",)), apply_schema)
    for again in (False, True):
        for statement in OF_NO_WORKER:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=BY_RIGHTS):
                postgres.sql(name, statement, "journal_worker")
        assert postgres.sql(name, "SELECT name, fence FROM leases", "journal_worker") == []
        assert postgres.sql(name, "UPDATE queue_orders SET state = 'begun', worker = 'w'", "journal_worker") == []
        looks = {look.name: look.text for look in database.examine()}
        assert looks["roles"] == "add: nobody but the owner; read: nobody but the owner; work: journal_worker"
        if not again:
            postgres.sql(name, "GRANT UPDATE (body) ON queue_orders TO journal_worker", "runbook")
            database.upgrade(apply_schema)
    database.close()


def test_a_worker_without_the_tables_of_orders_is_refused(postgres, tmp_path):
    name = postgres.new_database()
    database = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    with pytest.raises(UsageError, match="orders for workers") as refused:
        database.make(Roles(workers=("journal_worker",)))
    assert "runbook-engine[workers]" in refused.value.hint
    assert database.version() is None
    database.close()


def test_a_role_that_is_not_there_gets_nothing_and_nothing_is_made(postgres, tmp_path):
    name = postgres.new_database()
    database = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    with pytest.raises(InvalidInputError, match="no role nobody_here") as refused:
        database.make(Roles(("journal_app", "nobody_here")))
    assert "CREATE ROLE nobody_here" in refused.value.hint
    assert database.version() is None
    database.close()


def test_a_role_of_any_name_is_quoted(postgres, tmp_path):
    name = postgres.new_database()
    odd = 'my "app"; DROP TABLE events; -- 50%'
    quoted = odd.replace('"', '""')
    postgres.sql(name, f'CREATE ROLE "{quoted}" LOGIN')
    database = open_database(postgres.url(name, "journal_owner"), project=tmp_path)
    assert database.make(Roles((odd,)))
    assert all(f'"{quoted}"' in line for line in grants(Roles((odd,))))
    database.close()
    postgres.sql(name, f'DROP OWNED BY "{quoted}"; DROP ROLE "{quoted}"')
