"""The PostgreSQL server of the journals' tests, here too."""

import importlib.util
import shutil
from pathlib import Path

import psycopg
import pytest

from runbook_engine.dispatchers import queue_claims, queue_orders
from runbook_engine.dispatchers.queue_claims import WorkerFacts
from runbook_engine.dispatchers.queue_schema import apply_schema

FACTS = WorkerFacts(("eu",), "vm 1", 7, "1", "{}", 2)


@pytest.fixture(scope="session")
def postgres():
    path = Path(__file__).parents[1] / "journals" / "conftest.py"
    spec = importlib.util.spec_from_file_location("journals_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.start_postgres()
    yield server
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture
def database(postgres):
    """A database with the tables and a lease of run `r` with fence 3."""
    name = postgres.new_database()
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE leases (name text PRIMARY KEY, holder text, fence bigint, expires_at double precision)"
        )
        connection.execute("INSERT INTO leases VALUES ('run:r', '{}', 3, extract(epoch FROM clock_timestamp()) + 600)")
        apply_schema(connection)
        for worker in ("w1", "w2"):
            queue_claims.register(connection, worker, FACTS)
        queue_orders.open_run(connection, "r", 3, "{}")
        yield connection
