"""Who works, read once, for people."""

from typing import Any

import psycopg

from runbook_engine.dispatchers.queue_link import PATIENCE
from runbook_engine.dispatchers.queue_schema import apply_schema, has_schema
from runbook_engine.dispatchers.queue_watch import STALL_SECONDS

_ONE_AT_A_TIME = 0x52554E51554555  # the number of the lock under which the tables are made


class NoSchemaError(Exception):
    """The database lacks the tables."""


class UnreachableError(Exception):
    """The database can't be asked."""


class RefusedError(Exception):
    """The database has all that is needed, and refuses it to this role."""


def refusal(error: psycopg.Error) -> UnreachableError | RefusedError:
    """Give what a database's error means for who asked, in the database's own words."""
    words = str(error).strip().partition("\n")[0]
    return (RefusedError if isinstance(error, psycopg.errors.InsufficientPrivilege) else UnreachableError)(words)


def check_schema(connection: Any) -> None:
    """Make sure that a database has all that orders need.

    Raises:
        NoSchemaError: it has not.
    """
    if not has_schema(connection):
        raise NoSchemaError("tables of procrastinate's, or ours, are missing or of an older release")


def ensure_schema(url: str) -> None:
    """Make what orders need, where it is missing and this role may.

    Raises:
        NoSchemaError: it is missing, and this role may not make it.
        UnreachableError: the database can't be asked.
    """
    try:
        with psycopg.connect(url, application_name="runbook orders", **PATIENCE) as connection:
            if has_schema(connection):
                return
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
            apply_schema(connection)
            check_schema(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        raise NoSchemaError(
            f"they are missing, and this role may not make them ({error.diag.message_primary})"
        ) from error
    except psycopg.Error as error:
        raise refusal(error) from error


def workers_and_orders(url: str) -> list[tuple[dict[str, Any], list[tuple[str, str, Any]]]]:
    """Give each worker's facts, oldest first, with run, task and time of all that it makes now.

    Raises:
        NoSchemaError: the database has no tables for that.
        UnreachableError, RefusedError: it can't be asked.
    """
    try:
        with psycopg.connect(url, application_name="runbook workers", **PATIENCE) as connection:
            check_schema(connection)
            rows = connection.execute(
                "SELECT id, queues, host, pid, version, slots, started_at, heartbeat,"
                " CASE WHEN clock_timestamp() - heartbeat > make_interval(secs => %s) THEN 'silent'"
                " WHEN draining THEN 'drains' ELSE 'works' END AS state"
                " FROM queue_workers ORDER BY started_at, id",
                [STALL_SECONDS],
            )
            names = [column.name for column in rows.description or ()]
            workers = [dict(zip(names, row, strict=True)) for row in rows]
            orders: dict[str, list[tuple[str, str, Any]]] = {}
            query = "SELECT worker, run, task, begun_at FROM queue_orders WHERE state = 'begun' ORDER BY begun_at, task"
            for worker, run, task, since in connection.execute(query):
                orders.setdefault(worker, []).append((run, task, since))
    except psycopg.Error as error:
        raise refusal(error) from error
    return [(worker, orders.get(worker["id"], [])) for worker in workers]


def orders_not_begun(url: str, run: str) -> list[tuple[str, str, bool]]:
    """Give the orders of a run that no worker has begun: the task, its queue, and whether any worker serves that.

    Raises:
        NoSchemaError: the database has no tables for that.
        UnreachableError, RefusedError: it can't be asked.
    """
    query = (
        "SELECT o.task, o.queue, EXISTS (SELECT FROM queue_workers w WHERE o.queue = ANY(w.queues) AND NOT w.draining"
        " AND clock_timestamp() - w.heartbeat <= make_interval(secs => %s))"
        " FROM queue_orders o WHERE o.run = %s AND o.state = 'waiting' ORDER BY o.ordered_at, o.task"
    )
    try:
        with psycopg.connect(url, application_name="runbook status", **PATIENCE) as connection:
            check_schema(connection)
            return [(task, queue, served) for task, queue, served in connection.execute(query, [STALL_SECONDS, run])]
    except psycopg.Error as error:
        raise refusal(error) from error
