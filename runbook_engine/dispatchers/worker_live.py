"""Leaves in the journal's database what a worker's attempts put out, by a connection of its own.

Nothing of the record waits for it: a worker's heartbeat and its reports go another way.
"""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from runbook_engine.dispatchers.queue_link import PATIENCE
from runbook_engine.ports.live import Tail

# As the journal's own tails are written, but for who may: whoever the order is begun by, and nobody once it is settled.
_SHOW = """\
INSERT INTO live_output (run, task, number, stream, data, total, at)
SELECT %s, %s, %s, %s, %s, %s, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
WHERE EXISTS (SELECT FROM queue_orders
              WHERE run = %s AND task = %s AND number = %s AND state = 'begun' AND worker = %s)
ON CONFLICT (run, task, number, stream) DO UPDATE SET data = excluded.data, total = excluded.total, at = excluded.at"""


class WorkerShow:
    """What a board of a worker shows by; for one thread.

    Args:
        worker: gives the id under which the worker is known just now.
    """

    def __init__(self, url: str, worker: Callable[[], str]) -> None:
        self._url = url
        self._worker = worker
        self._connection: psycopg.Connection[Any] | None = None

    def show(self, tails: Sequence[Tail]) -> None:
        """Leave tails, each in place of the one before it.

        Raises:
            psycopg.Error: the database can't be reached, or this role may not.
        """
        if self._connection is None:
            made = psycopg.connect(self._url, autocommit=True, application_name="runbook live output", **PATIENCE)
            made.execute("SET statement_timeout = '10s'")
            self._connection = made
        worker = self._worker()
        rows = [(*tail, tail.run, tail.task, tail.number, worker) for tail in tails]
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(_SHOW, rows)
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
