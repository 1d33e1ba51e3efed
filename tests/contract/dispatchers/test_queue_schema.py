"""The tables that orders travel by, in a real database."""

import psycopg
import pytest

from runbook_engine.dispatchers.queue_schema import apply_schema, has_schema


@pytest.fixture
def connection(postgres):
    with psycopg.connect(postgres.url(postgres.new_database())) as connection:
        yield connection


def test_it_is_made_once_and_stays_as_it_is(connection):
    assert not has_schema(connection)
    apply_schema(connection)
    connection.execute("INSERT INTO queue_runs VALUES ('r', '{}')")
    apply_schema(connection)
    assert has_schema(connection)
    assert connection.execute("SELECT run FROM queue_runs").fetchall() == [("r",)]


def test_it_is_part_of_the_transaction(connection):
    apply_schema(connection)
    connection.rollback()
    assert not has_schema(connection)


def test_an_older_procrastinate_is_not_enough(connection):
    apply_schema(connection)
    connection.execute("ALTER FUNCTION procrastinate_retry_job_v2 RENAME TO procrastinate_retry_job_v0")
    assert not has_schema(connection)
