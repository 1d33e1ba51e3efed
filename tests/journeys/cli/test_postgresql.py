"""A database restored from a dump by a run that is killed in the middle, on a real PostgreSQL server, and used after it."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

spec = spec_from_file_location("journals_conftest", Path(__file__).parents[2] / "contract/journals/conftest.py")
servers = module_from_spec(spec)
spec.loader.exec_module(servers)
BINARIES = servers.BINARIES
pytestmark = pytest.mark.skipif(BINARIES is None, reason="no PostgreSQL: install postgresql")
# What is indexed takes its time, so that the restore can be killed while it is at work.
ORIGIN = """\
CREATE FUNCTION slow(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN PERFORM pg_catalog.pg_sleep(1); RETURN value; END';
CREATE TABLE reviews AS SELECT generate_series(1, 3) AS id;
CREATE INDEX slowly ON reviews (slow(id));
"""
BOOK = """\
runbook: back
steps:
  - id: restore
    postgres.restore: {dump: "@DUMP@", sha256: @SHA@, database: reviews, host: "@HOST@", user: runbook}
  - id: count
    needs: [restore]
    sql.query: {url: "@URL@", query: SELECT count(*) AS number FROM reviews}
  - id: note
    needs: [count]
    file.line: {path: "@ROOT@/told", line: "{{ steps.count.value }} reviews are back", create: true}
  - id: add
    needs: [note]
    sql.query:
      url: "@URL@"
      query: INSERT INTO reviews VALUES (:id)
      parameters: {id: 4}
      changes: true
      unless: SELECT count(*) FROM reviews WHERE id = :id
"""


@pytest.fixture
def server():
    made = servers.start_postgres()
    yield made
    made.stop()
    shutil.rmtree(made.folder)


@pytest.fixture
def back(runbook, server, tmp_path, monkeypatch):
    origin = server.new_database()
    server.sql(origin, ORIGIN)
    dump = tmp_path / "reviews.dump"
    argv = [f"{BINARIES}/pg_dump", "-Fc", "-h", server.folder, "-U", "runbook", "-f", dump, origin]
    subprocess.run(argv, check=True)
    values = {
        "@DUMP@": str(dump),
        "@SHA@": hashlib.sha256(dump.read_bytes()).hexdigest(),
        "@HOST@": server.folder,
        "@URL@": f"postgresql+psycopg://runbook@/reviews?host={server.folder}",
        "@ROOT@": str(runbook.root),
    }
    text = BOOK
    for name, value in values.items():
        text = text.replace(name, value)
    runbook.write("runbooks/back.yml", text)
    bins = tmp_path / "bin"
    bins.mkdir()
    (bins / "pg_restore").write_text(f'#!/bin/sh\necho ran >>{tmp_path}/restores\nexec {BINARIES}/pg_restore "$@"\n')
    (bins / "pg_restore").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bins}:{BINARIES}:{os.environ['PATH']}")
    return runbook


def names(server):
    import psycopg

    with psycopg.connect(f"host={server.folder} user=runbook dbname=postgres", autocommit=True) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^reviews'")}


def outcomes(runbook):
    steps = runbook("report", "last", "--format", "json").json["steps"]
    return {step["id"]: step["outcome"] for step in steps}


def test_killed_in_the_middle_it_is_restored_once_and_then_unchanged(back, server, tmp_path):
    dry = back("run", "back", "--dry-run")
    assert dry.status == 0, dry.err
    assert outcomes(back)["restore"] == "would-change"
    assert names(server) == set()
    process = back.start("run", "back", "--yes")
    try:
        for _ in range(1200):
            if (tmp_path / "restores").exists():
                break
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert "reviews" not in names(server), "half a database has another name"
    done = back("resume", "--yes")
    assert done.status == 0, done.out + done.err
    assert (tmp_path / "restores").read_text() == "ran\n", "it ran once"
    assert names(server) == {"reviews"}
    assert outcomes(back) == dict.fromkeys(("restore", "note", "add"), "changed") | {"count": "unchanged"}
    assert (back.root / "told").read_text() == "3 reviews are back\n"
    again = back("run", "back", "--yes", "--output", "json")
    assert again.status == 0, again.err
    assert {**outcomes(back), "note": ""} == {**dict.fromkeys(("restore", "count", "add"), "unchanged"), "note": ""}
    assert (back.root / "told").read_text() == "3 reviews are back\n4 reviews are back\n"
    damaged = tmp_path / "reviews.dump"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    server.sql("postgres", "DROP DATABASE reviews")
    refused = back("run", "back", "--yes")
    assert refused.status == 1
    assert "its SHA-256 differs" in refused.err
    assert names(server) == set()
