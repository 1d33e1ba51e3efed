"""postgres.restore, postgres.promote and sql.query against real PostgreSQL servers, a primary and its standby."""

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import psycopg
import pytest

from runbook_engine.actions.fence_check import FenceCheck
from runbook_engine.actions.postgres_promote import PostgresPromote
from runbook_engine.actions.postgres_restore import PostgresRestore
from runbook_engine.actions.sql_query import SqlQuery
from runbook_engine.connections.sql import AlchemyDatabase
from runbook_engine.sdk import ActionFailedError, ReadOnlyError, RunbookError, ServiceUnreachableError

SERVERS = Path(__file__).parents[1] / "journals" / "conftest.py"
spec = spec_from_file_location("journals_conftest", SERVERS)
servers = module_from_spec(spec)
spec.loader.exec_module(servers)
pytestmark = pytest.mark.skipif(servers.BINARIES is None, reason="no PostgreSQL: install postgresql")


@pytest.fixture(scope="module")
def postgres():
    server = servers.start_postgres()
    yield server
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    monkeypatch.setenv("PATH", f"{servers.BINARIES}:{os.environ['PATH']}")


def asked(server, database, statement):
    with psycopg.connect(f"host={server.folder} user=runbook dbname={database}", autocommit=True) as connection:
        return connection.execute(statement).fetchall()


class Databases:
    """Really opens what an action asks for, as the engine's hands do."""

    def __init__(self, *, read_only=False):
        self.read_only_hands = read_only

    def __contains__(self, url):
        return True

    def __getitem__(self, url):
        return AlchemyDatabase(url, read_only=self.read_only_hands)


def url(server, database="postgres"):
    return f"postgresql+psycopg://runbook@/{database}?host={server.folder}"


@pytest.fixture
def dump(postgres, tmp_path):
    """A dump of a database with three reviews, and what restores it."""
    name = postgres.new_database()
    postgres.sql(name, "CREATE TABLE reviews AS SELECT generate_series(1, 3) AS id")
    path = tmp_path / "reviews.dump"
    options = ["-h", postgres.folder, "-U", "runbook", "-Fc", "-f", str(path), name]
    subprocess.run([f"{servers.BINARIES}/pg_dump", *options], check=True)
    return {
        "dump": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "database": f"r{time.monotonic_ns()}",
        "host": postgres.folder,
        "user": "runbook",
    }


def names(postgres, params):
    found = asked(postgres, "postgres", f"SELECT datname FROM pg_database WHERE datname LIKE '{params['database']}%'")
    return {name for (name,) in found}


def test_a_dump_is_restored_and_then_it_is_unchanged_whatever_the_app_wrote(real, step, postgres, dump):
    outcome, _, outputs = step(PostgresRestore(), dump, real())
    assert (outcome, outputs["database"], outputs["before"]) == ("changed", dump["database"], "")
    assert asked(postgres, dump["database"], "SELECT count(*) FROM reviews") == [(3,)]
    postgres.sql(dump["database"], "INSERT INTO reviews VALUES (4)")
    assert step(PostgresRestore(), dump, real())[0] == "unchanged"
    assert asked(postgres, dump["database"], "SELECT count(*) FROM reviews") == [(4,)]
    assert names(postgres, dump) == {dump["database"]}, "nothing is left beside it"


def test_a_check_changes_nothing(real, postgres, dump):
    action, context = PostgresRestore(), real()
    params = action.Params(**dump)
    finding = action.check(params, context.reading(action, params))
    assert finding.changes[0].before == "missing"
    with pytest.raises(ReadOnlyError):
        action.apply(params, context.reading(action, params))
    assert names(postgres, dump) == set()


def test_a_database_that_is_there_is_replaced_only_when_that_is_said_and_is_kept(real, step, postgres, dump):
    postgres.sql("postgres", f'CREATE DATABASE "{dump["database"]}"')
    postgres.sql(dump["database"], "CREATE TABLE precious AS SELECT 1 AS a")
    with pytest.raises(ActionFailedError, match="was not restored from this dump"):
        step(PostgresRestore(), dump, real())
    outcome, _, outputs = step(PostgresRestore(), {**dump, "replace": True}, real())
    assert outcome == "changed"
    assert asked(postgres, outputs["before"], "SELECT a FROM precious") == [(1,)]
    again = PostgresRestore().check(PostgresRestore.Params(**{**dump, "replace": True}), real())
    assert again.outputs["before"] == outputs["before"], "an engine that was killed before it wrote that down"
    other = real()
    other.run = other.run.model_copy(update={"token": "e" * 64})
    assert "before" not in PostgresRestore().check(PostgresRestore.Params(**dump), other).outputs
    assert names(postgres, dump) == {dump["database"], outputs["before"]}


def test_who_is_connected_keeps_a_database_from_being_replaced_unless_thrown_out(real, step, postgres, dump):
    postgres.sql("postgres", f'CREATE DATABASE "{dump["database"]}"')
    with psycopg.connect(f"host={postgres.folder} user=runbook dbname={dump['database']}") as app:
        with pytest.raises(ActionFailedError, match="being accessed by other users") as failed:
            step(PostgresRestore(), {**dump, "replace": True}, real())
        assert "disconnect: true" in failed.value.hint
        assert names(postgres, dump) == {dump["database"]}, "the part is gone"
        again = real()
        again.run = again.run.model_copy(update={"token": "f" * 64})
        step(PostgresRestore(), {**dump, "replace": True, "disconnect": True}, again)
        with pytest.raises(psycopg.OperationalError):
            app.execute("SELECT 1")
    assert asked(postgres, dump["database"], "SELECT count(*) FROM reviews") == [(3,)]


def test_a_dump_that_is_damaged_leaves_everything_as_it_was(real, step, postgres, dump):
    with pytest.raises(ActionFailedError, match="damaged or another dump"):
        step(PostgresRestore(), {**dump, "sha256": "0" * 64}, real())
    whole = Path(dump["dump"]).read_bytes()
    Path(dump["dump"]).write_bytes(whole[: len(whole) // 2])
    cut = {**dump, "sha256": hashlib.sha256(whole[: len(whole) // 2]).hexdigest()}
    with pytest.raises(ActionFailedError, match="could not be restored"):
        step(PostgresRestore(), cut, real())
    assert names(postgres, dump) == set()
    Path(dump["dump"]).unlink()
    with pytest.raises(ActionFailedError, match="is not there"):
        step(PostgresRestore(), dump, real())


def test_the_same_attempt_again_finds_what_it_did_and_a_part_left_over_is_dropped(real, postgres, dump):
    action = PostgresRestore()
    params = action.Params(**dump)
    postgres.sql("postgres", f'CREATE DATABASE "{dump["database"]}_part_{dump["sha256"][:12]}"')
    first = action.apply(params, real())
    again = action.apply(params, real())
    assert first.outputs == again.outputs
    assert names(postgres, dump) == {dump["database"]}


def test_a_server_that_is_not_there_is_told(real, step, dump, tmp_path):
    with pytest.raises(ActionFailedError, match="the server could not be asked"):
        step(PostgresRestore(), {**dump, "host": str(tmp_path)}, real())


@pytest.mark.parametrize("name", ["a'; DROP DATABASE x; --", 'a"', "A", "", "1a", "a" * 41])
def test_a_name_that_would_need_quoting_is_refused(dump, name):
    with pytest.raises(ValueError, match="database"):
        PostgresRestore.Params(**{**dump, "database": name})


class Standby:
    """A standby of the primary, on a socket of its own."""

    def __init__(self, primary):
        self.user = primary.user
        self.folder = tempfile.mkdtemp(prefix="rbpg")
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam("nobody").pw_uid, -1)
        self._data = f"{self.folder}/data"
        self._run("pg_basebackup", "-h", primary.folder, "-U", "runbook", "-D", self._data, "-R", "-c", "fast")
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-w", "-o", options, "-l", f"{self.folder}/log", "start")

    def stop(self):
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _run(self, program, *words):
        argv = [f"{servers.BINARIES}/{program}", *words]
        subprocess.run(argv, check=True, user=self.user, stdout=subprocess.DEVNULL, cwd="/", timeout=120)


@pytest.fixture
def standby(postgres):
    made = Standby(postgres)
    yield made
    made.stop()


@pytest.fixture
def databases(real):
    """Make a context whose databases are real."""

    def make(**hands):
        context = real(**hands)
        context.on_pause = lambda: time.sleep(0.05)
        context.databases = Databases()
        return context

    return make


def looked(action, params, context):
    context.databases = Databases(read_only=True)
    return action.check(params, context)


def test_a_standby_is_promoted_once_unless_it_lags(databases, postgres, standby):
    postgres.sql("postgres", "CREATE TABLE IF NOT EXISTS before_promotion AS SELECT 1 AS a")
    action = PostgresPromote()
    params = action.Params(url=url(standby))
    for _ in range(1200):
        finding = looked(action, params, databases())
        if finding.evidence["replayed_at"] and finding.evidence["caught_up"]:
            break
        time.sleep(0.05)
    assert (finding.changes[0].before, finding.changes[0].after) == ("standby", "primary")
    with pytest.raises(ActionFailedError, match="more than max_lag"):
        action.apply(action.Params(url=url(standby), max_lag="0s"), databases())
    assert not looked(action, params, databases()).satisfied
    assert "promoted" in action.apply(action.Params(url=url(standby), max_lag="1d"), databases()).summary
    done = looked(action, params, databases())
    assert done.satisfied
    assert done.recovery_point is not None
    assert done.outputs["lsn"]
    standby_only = f"host={standby.folder} user=runbook dbname=postgres"
    with psycopg.connect(standby_only, autocommit=True) as connection:
        connection.execute("CREATE TABLE written AS SELECT 1 AS a")
    assert action.apply(params, databases()).changed is False
    assert looked(action, params, databases()).satisfied


def test_a_server_that_is_no_standby_is_taken_for_promoted_and_one_that_is_away_is_told(databases, postgres, tmp_path):
    action = PostgresPromote()
    assert looked(action, action.Params(url=url(postgres)), databases()).satisfied
    away = action.Params(url=f"postgresql+psycopg://runbook@/postgres?host={tmp_path}")
    with pytest.raises(ServiceUnreachableError):
        looked(action, away, databases())


@pytest.fixture
def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_fence_is_proven_by_a_write_that_is_refused_as_a_write(databases, real, postgres, standby, free_port):
    action = FenceCheck()
    postgres.sql("postgres", "CREATE TABLE IF NOT EXISTS fence_probe AS SELECT 1 AS tried")

    def tries(where, **more):
        write = {"url": where, "statement": "UPDATE fence_probe SET tried = tried + 1"}
        return action.apply(action.Params(sql=write, timeout="2s", **more), databases()).outputs["refused"]

    for _ in range(1200):
        with pytest.raises(ActionFailedError) as failed:
            tries(url(postgres))
        assert "NOT fenced" in failed.value.message
        if asked(standby, "postgres", "SELECT to_regclass('fence_probe') IS NOT NULL") == [(True,)]:
            break
        time.sleep(0.05)
    assert "read-only" in tries(url(standby))
    named = {"url": url(postgres), "statement": "UPDATE readonly_probe SET tried = 1"}
    with pytest.raises(ActionFailedError, match="proves nothing"):
        action.apply(action.Params(sql=named), databases())
    postgres.sql("postgres", "DROP TABLE fence_probe")
    with pytest.raises(ActionFailedError, match="proves nothing"):
        tries(url(postgres))
    assert tries(f"postgresql+psycopg://dr@127.0.0.1:{free_port}/x") == "its machine refuses the connection"
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        gone = f"http://127.0.0.1:{deaf.getsockname()[1]}/probe"
        params = action.Params(http={"url": gone}, timeout="0.2s")
        with pytest.raises(ActionFailedError, match="nothing is proven"):
            action.apply(params, real())
        with pytest.raises(ActionFailedError, match="something listens there"):
            action.apply(params.model_copy(update={"silence": "fenced"}), real())
    with pytest.raises(ActionFailedError, match="nothing is proven"):
        tries(url(postgres).replace("runbook@", "nobody@"), silence="fenced")
    with pytest.raises(ReadOnlyError):
        action.apply(params, real().reading(action, params))
    assert action.check(params, real().reading(action, params)).status.value == "unknown"


def test_a_query_gives_rows_and_a_change_is_made_once(databases, postgres):
    name = postgres.new_database()
    postgres.sql(name, "CREATE TABLE settings AS SELECT 'mode' AS name, 'primary' AS value")
    action, where = SqlQuery(), url(postgres, name)
    asks = action.Params(url=where, query="SELECT value FROM settings WHERE name = :n", parameters={"n": "mode"})
    assert looked(action, asks, databases()).outputs["value"] == "primary"
    change = {
        "url": where,
        "query": "UPDATE settings SET value = :mode WHERE name = 'mode' RETURNING value",
        "parameters": {"mode": "'); DROP TABLE settings; --"},
        "changes": True,
        "unless": "SELECT value = :mode FROM settings WHERE name = 'mode'",
    }
    params = action.Params(**change)
    assert not looked(action, params, databases()).satisfied
    assert action.apply(params, databases()).outputs["value"] == change["parameters"]["mode"]
    assert looked(action, params, databases()).satisfied
    writes = action.Params(url=where, query="DELETE FROM settings RETURNING name")
    with pytest.raises(ReadOnlyError):
        looked(action, writes, databases())
    with pytest.raises(RunbookError, match="no_such"):
        looked(action, action.Params(url=where, query="SELECT no_such FROM settings"), databases())
    assert asked(postgres, name, "SELECT count(*) FROM settings") == [(1,)]
