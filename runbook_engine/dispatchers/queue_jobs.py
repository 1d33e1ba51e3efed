"""Jobs of procrastinate's that bring orders to workers."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from procrastinate import exceptions
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.sync_psycopg_connector import SyncPsycopgConnector

ATTEMPT = "runbook.attempt"


class Key(NamedTuple):
    """What tells an order from all others of its run; see `queue_schema` for its number."""

    task: str
    number: int


def defer(connection: Any, run: str, jobs: Iterable[tuple[str, Key]]) -> None:
    """Put a job in each order's queue, in the connection's transaction.

    Args:
        connection: psycopg's own.
        jobs: queue and key of each order.

    Raises:
        psycopg.Error: the database refused.
    """
    made = [
        Job(
            id=None,
            queue=queue,
            lock=None,
            queueing_lock=None,
            task_name=ATTEMPT,
            task_kwargs={"run": run, "task": key.task, "number": key.number},
        )
        for queue, key in jobs
    ]
    if not made:
        return
    try:
        JobManager(SyncPsycopgConnector()).batch_defer_jobs(made, connection=connection)
    except exceptions.ConnectorException as error:
        raise (error.__cause__ or error) from None
