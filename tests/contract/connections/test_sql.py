"""Databases: SQLite always, PostgreSQL where it is installed."""

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from runbook_engine.connections.sql import ROWS_AT_MOST, AlchemyDatabase
from runbook_engine.sdk import DatabaseReadOnlyError, ReadOnlyError, RunbookError, ServiceUnreachableError


@pytest.fixture
def lite(tmp_path):
    path = tmp_path / "a b#é.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table t (a integer, b text, c blob, d real)")
        connection.execute("insert into t values (1, 'é', x'00ff', 1.5)")
    connection.close()
    return f"sqlite:///{path}", path


@pytest.fixture(scope="session")
def postgres_url():
    found = shutil.which("initdb") or next(Path("/usr/lib/postgresql").glob("*/bin/initdb"), None)
    if found is None:
        pytest.skip("no PostgreSQL: install postgresql")
    programs = Path(os.path.realpath(found)).parent
    folder = Path(tempfile.mkdtemp())  # not pytest's: those are private to the user, and PostgreSQL won't run as root
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"],
        check=True,
        capture_output=True,
        cwd="/",
        **user,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **user,
    )
    url = f"postgresql+psycopg://postgres:topsecret@127.0.0.1:{port}/postgres"
    until = time.monotonic() + 30
    while True:
        try:
            AlchemyDatabase(url, read_only=False).query("select 1")
            break
        except ServiceUnreachableError:
            assert time.monotonic() < until
            time.sleep(0.05)
    yield url
    server.terminate()
    server.wait(20)
    shutil.rmtree(folder)


def test_rows_become_json(lite):
    rows = AlchemyDatabase(lite[0], read_only=True).query("select * from t where a = :a", {"a": 1})
    assert rows == [{"a": 1, "b": "é", "c": "00ff", "d": 1.5}]


def test_writes_are_kept(lite):
    assert AlchemyDatabase(lite[0], read_only=False).query("update t set a = 2") == []
    assert AlchemyDatabase(lite[0], read_only=True).query("select a from t") == [{"a": 2}]


WRITES = [
    "update t set a = 3",
    "insert into t (a) values (9)",
    "delete from t",
    "drop table t",
    "create table u (a int)",
    "with x as (select 1) insert into t (a) select 5",
    "/* select */ delete from t",
]


@pytest.mark.parametrize("statement", WRITES)
def test_sqlite_refuses_a_checks_writes(lite, statement):
    with pytest.raises(ReadOnlyError):
        AlchemyDatabase(lite[0], read_only=True).query(statement)
    assert AlchemyDatabase(lite[0], read_only=True).query("select a from t") == [{"a": 1}]


@pytest.mark.parametrize("opened", ["file", "memory"])
@pytest.mark.parametrize(
    "statement",
    [
        "attach database '{new}' as other",
        "attach 'file:{new}?mode=rwc' as other",
        "detach database main",
        "vacuum into '{new}'",
        "/* a */ -- b\n ; VACUUM INTO '{new}'",
        "/* never closed */ vacuum",
        "pragma query_only = off",
        "pragma query_only(0)",
        "pragma user_version = 7",
        "pragma journal_mode = wal",
        "pragma main.journal_mode(delete)",
        "pragma wal_checkpoint",
        "select load_extension('{new}')",
        "create temp table u (a integer)",
    ],
)
def test_sqlite_lets_a_check_make_and_set_nothing(lite, tmp_path, statement, opened):
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    database = AlchemyDatabase(lite[0] if opened == "file" else "sqlite://", read_only=True)
    with pytest.raises(ReadOnlyError):
        database.query(statement.format(new=tmp_path / "new.db"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize(
    "statement",
    ["pragma table_info(t)", "pragma integrity_check", "pragma user_version", "select * from pragma_table_info('t')"],
)
def test_sqlite_lets_a_check_read_what_it_is_like(lite, statement):
    assert AlchemyDatabase(lite[0], read_only=True).query(statement)


def test_that_a_database_takes_no_writes_is_told_by_its_code_and_not_by_words(lite, postgres_url):
    word = "read_only"  # in names it says nothing
    lite[1].chmod(0o444)
    where = {postgres_url: "SET TRANSACTION READ ONLY; CREATE TABLE u (a int)"}
    if os.geteuid() != 0:
        where[lite[0]] = "update t set a = 3"
    for url, statement in where.items():
        with pytest.raises(DatabaseReadOnlyError):
            AlchemyDatabase(url, read_only=False).query(statement)
        with pytest.raises(RunbookError) as failed:
            AlchemyDatabase(url, read_only=False).query(f"update {word} set a = 1")
        assert word in failed.value.message
        assert not isinstance(failed.value, DatabaseReadOnlyError)


def test_sqlite_lets_others_attach(lite, tmp_path):
    AlchemyDatabase(lite[0], read_only=False).query(f"attach database '{tmp_path / 'new.db'}' as other")


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(ServiceUnreachableError, match="unable to open"):
        AlchemyDatabase(f"sqlite:///{tmp_path}/none.db", read_only=False).query("select 1")
    assert list(tmp_path.iterdir()) == []


def test_the_databases_own_words_are_given(lite):
    with pytest.raises(RunbookError, match="no such column"):
        AlchemyDatabase(lite[0], read_only=True).query("select nope from t")


def test_too_many_rows_are_refused(lite):
    count = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS_AT_MOST}) select i from n"
    database = AlchemyDatabase(lite[0], read_only=True)
    assert len(database.query(count)) == ROWS_AT_MOST
    with pytest.raises(RunbookError, match="more than"):
        database.query(count.replace(str(ROWS_AT_MOST), str(ROWS_AT_MOST + 1)))


@pytest.mark.parametrize("url", ["nothing", "", "sqlite:nope", "oracle+nothing://a:secret@b/c"])
def test_what_is_no_database_is_told(url):
    with pytest.raises(RunbookError) as caught:
        AlchemyDatabase(url, read_only=True)
    assert "secret" not in str(caught.value)


def test_nobody_there_is_unreachable_and_the_password_is_not_shown():
    with pytest.raises(ServiceUnreachableError) as caught:
        AlchemyDatabase("postgresql+psycopg://me:hunter2@127.0.0.1:9/x", read_only=True).query("select 1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "create table v (a int)",
        "select nextval('s')",
        "set transaction read write; create table w (a int)",
        "commit; begin read write; create table w (a int); commit",
        "set transaction read write",
        "do $$ begin commit; set transaction read write; create table w (a int); end $$",
        "select set_config('transaction_read_only', 'off', false)",
    ],
)
def test_postgresql_refuses_a_checks_writes(postgres_url, statement):
    AlchemyDatabase(postgres_url, read_only=False).query("create sequence if not exists s")
    with pytest.raises((ReadOnlyError, RunbookError)):
        AlchemyDatabase(postgres_url, read_only=True).query(statement)
    names = AlchemyDatabase(postgres_url, read_only=True).query(
        "select tablename from pg_tables where tablename in ('v', 'w')"
    )
    assert names == []


def test_postgresql_writes_and_values(postgres_url):
    database = AlchemyDatabase(postgres_url, read_only=False)
    database.query("create table if not exists k (a numeric, b timestamptz, c uuid)")
    database.query("insert into k values (1.50, '2026-01-02T03:04:05Z', '00000000-0000-0000-0000-000000000001')")
    (row,) = AlchemyDatabase(postgres_url, read_only=True).query(
        "select a, b at time zone 'UTC' as b, c, 'NaN'::float8 as d from k"
    )
    assert row == {"a": "1.50", "b": "2026-01-02T03:04:05", "c": "00000000-0000-0000-0000-000000000001", "d": "nan"}


def test_a_statement_has_a_time_limit(postgres_url):
    with pytest.raises(RunbookError, match="timeout"):
        AlchemyDatabase(postgres_url, read_only=True, seconds=1).query("select pg_sleep(60)")
