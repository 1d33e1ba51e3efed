"""The tables that orders travel by: procrastinate's own, and ours, beside the journal in one PostgreSQL database."""

from typing import Any, Protocol

_PROCRASTINATE = "procrastinate_jobs"
_NEWEST = "procrastinate_retry_job_v2"  # what the release that we are made for has, and the ones before it lack

# What an order is worth is its row in queue_orders: a job of procrastinate's only brings it to a worker. The row is
# written with its `attempt.started`, and taken away with its `attempt.finished`, each in the journal's own transaction.
#   number: below zero for a look, which the journal does not count among the attempts
#   state: waiting; begun (by `worker`); reported (by it, or taken back); lost (it vanished); ended (in doubt, kept for
#          its `host`); tidy (recorded, and something is left on its target)
# JSON is kept as text: what hosts said may hold what the type jsonb refuses.
_TABLES = """
CREATE TABLE IF NOT EXISTS queue_runs (
    run text PRIMARY KEY,
    facts text NOT NULL
);
CREATE TABLE IF NOT EXISTS queue_workers (
    id text PRIMARY KEY,
    queues text[] NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    plugins text NOT NULL,
    slots integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat timestamptz NOT NULL DEFAULT clock_timestamp(),
    draining boolean NOT NULL DEFAULT false
);
CREATE TABLE IF NOT EXISTS queue_orders (
    run text NOT NULL,
    task text NOT NULL,
    number integer NOT NULL,
    queue text NOT NULL,
    fence bigint NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    body text,
    worker text,
    host text NOT NULL DEFAULT '',
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    begun_at timestamptz,
    cancel boolean NOT NULL DEFAULT false,
    progress text NOT NULL DEFAULT '',
    report text,
    PRIMARY KEY (run, task, number),
    CHECK (state IN ('waiting', 'begun', 'reported', 'lost', 'ended', 'tidy'))
);
CREATE INDEX IF NOT EXISTS queue_orders_of_worker ON queue_orders (worker) WHERE state = 'begun';
CREATE INDEX IF NOT EXISTS queue_orders_in_hand ON queue_orders (run) WHERE state IN ('begun', 'reported', 'lost');
CREATE INDEX IF NOT EXISTS queue_orders_to_tidy ON queue_orders (queue) WHERE state = 'tidy';
CREATE TABLE IF NOT EXISTS queue_outputs (
    run text NOT NULL,
    task text NOT NULL,
    number integer NOT NULL,
    stream text NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (run, task, number, stream),
    FOREIGN KEY (run, task, number) REFERENCES queue_orders ON DELETE CASCADE
);
"""

TABLES = ("queue_runs", "queue_workers", "queue_orders", "queue_outputs")


class DriverConnection(Protocol):
    """A connection of psycopg's (PEP 249), as far as it is used here."""

    def execute(self, query: Any, params: Any = None) -> Any:
        """Execute a statement in the connection's transaction, and give its cursor."""
        ...


def has_schema(connection: DriverConnection) -> bool:
    """Tell whether a database has all that orders need."""
    names = (_PROCRASTINATE, *TABLES)
    found = connection.execute(
        "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) name", [[*names]]
    )
    (tables,) = found.fetchone()
    (functions,) = connection.execute("SELECT EXISTS (SELECT FROM pg_proc WHERE proname = %s)", [_NEWEST]).fetchone()
    return bool(tables and functions)


def apply_schema(connection: DriverConnection) -> None:
    """Make the tables that are missing, in the connection's transaction; what is there stays as it is.

    Args:
        connection: psycopg's own, of a role that may create tables in the schema that its search path names first.
    """
    from procrastinate.schema import SchemaManager

    (present,) = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [_PROCRASTINATE]).fetchone()
    if not present:
        # Without parameters psycopg sends the text as it is: its many statements, and the % in its messages.
        connection.execute(SchemaManager.get_schema())
    connection.execute(_TABLES)
