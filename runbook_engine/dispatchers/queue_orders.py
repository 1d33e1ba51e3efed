"""What the engine asks of the orders' tables, each within the transaction of a connection it is given."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from runbook_engine.dispatchers.queue_jobs import Key, defer
from runbook_engine.dispatchers.queue_wire import unbegun_text

REPORTS = "queue_reports"  # channel: a worker said something of a run, whose id is the payload
ORDERS = "queue_orders"  # channel: something was asked of a worker, whose id is the payload
# A process that was frozen, and whose run is another's by now, must not reach into that one's orders.
_OURS = " AND EXISTS (SELECT FROM leases WHERE name = 'run:' || run AND fence = %s)"
_LEFT = "the process that ordered it was gone before any worker began it"


class NewOrder(NamedTuple):
    """An order to write down; `ticket` tells whether a job brings it to a worker at once."""

    key: Key
    queue: str
    body: str
    ticket: bool


class OrderRow(NamedTuple):
    """Where an order stands."""

    key: Key
    state: str
    queue: str
    host: str
    progress: str
    report: str


def open_run(connection: Any, run: str, fence: int, facts: str) -> dict[Key, tuple[OrderRow, str]]:
    """Take over what an earlier process ordered for a run; give each order's row and body.

    What nobody has begun is taken back, for this process makes orders of its own: the fence keeps everybody from
    beginning it. Looks are not worth waiting for.
    """
    insert = "INSERT INTO queue_runs VALUES (%s, %s) ON CONFLICT (run) DO UPDATE SET facts = excluded.facts"
    connection.execute(insert, [run, facts])
    connection.execute("DELETE FROM queue_orders WHERE run = %s AND number < 0", [run])
    connection.execute(
        "UPDATE queue_orders SET state = 'reported', report = %s WHERE run = %s AND state = 'waiting' AND fence < %s",
        [unbegun_text(_LEFT), run, fence],
    )
    rows = connection.execute(
        "SELECT task, number, state, queue, host, progress, coalesce(report, ''), body"
        " FROM queue_orders WHERE run = %s AND state IN ('begun', 'reported', 'lost')",
        [run],
    )
    found = {}
    for task, number, *more, body in rows:
        key = Key(task, number)
        found[key] = (OrderRow(key, *more), body)
    return found


def write(connection: Any, run: str, fence: int, orders: Iterable[NewOrder]) -> None:
    """Write orders down, and let jobs bring those to workers that have a ticket."""
    found = list(orders)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO queue_orders (run, task, number, queue, fence, body) VALUES (%s, %s, %s, %s, %s, %s)",
            [(run, *order.key, order.queue, fence, order.body) for order in found],
        )
    defer(connection, run, [(order.queue, order.key) for order in found if order.ticket])


def end(connection: Any, run: str, key: Key, *, in_doubt: bool, leaves: bool) -> None:
    """Take note that the journal has how an attempt ended, and let go of what is not needed any more.

    Args:
        in_doubt: the machine on which it was made stays noted, for whoever is to find out.
        leaves: something is on its target that a worker is to tidy up.
    """
    state = "ended" if in_doubt else "tidy"
    if in_doubt or leaves:
        query = (
            "UPDATE queue_orders SET state = %s, report = NULL, body = CASE WHEN %s THEN body END"
            " WHERE run = %s AND task = %s AND number = %s"
        )
        connection.execute(query, [state, leaves and not in_doubt, run, *key])
        connection.execute("DELETE FROM queue_outputs WHERE run = %s AND task = %s AND number = %s", [run, *key])
    if not in_doubt:
        # Without an end that is in doubt, earlier ones are not either.
        last = key.number - 1 if leaves else key.number
        query = "DELETE FROM queue_orders WHERE run = %s AND task = %s AND number BETWEEN 1 AND %s AND state <> 'tidy'"
        connection.execute(query, [run, key.task, last])


def standing(connection: Any, run: str) -> list[OrderRow]:
    """Give the orders of a run whose end the journal does not have."""
    rows = connection.execute(
        "SELECT task, number, state, queue, host, progress, coalesce(report, '')"
        " FROM queue_orders WHERE run = %s AND state IN ('waiting', 'begun', 'reported', 'lost')",
        [run],
    )
    return [OrderRow(Key(task, number), *more) for task, number, *more in rows]


def output_of(connection: Any, run: str, key: Key) -> dict[str, bytes]:
    """Give what was captured of an attempt."""
    query = "SELECT stream, data FROM queue_outputs WHERE run = %s AND task = %s AND number = %s"
    return {stream: bytes(data) for stream, data in connection.execute(query, [run, *key])}


def forget_look(connection: Any, run: str, fence: int, key: Key) -> None:
    """Let go of a look that was told."""
    query = f"DELETE FROM queue_orders WHERE run = %s AND task = %s AND number = %s {_OURS}"  # noqa: S608 - our own text
    connection.execute(query, [run, *key, fence])


def take_back(connection: Any, run: str, fence: int, why: str, task: str | None = None) -> None:
    """Take back what nobody has begun, of one task or of all."""
    query = (
        "UPDATE queue_orders SET state = 'reported', report = %s"  # noqa: S608 - our own text
        f" WHERE run = %s AND state = 'waiting' AND (%s::text IS NULL OR task = %s) {_OURS}"
    )
    connection.execute(query, [unbegun_text(why), run, task, task, fence])


def cancel(connection: Any, run: str, fence: int, task: str) -> None:
    """Ask whoever makes an attempt to end it."""
    query = (
        "WITH asked AS (UPDATE queue_orders SET cancel = true"  # noqa: S608 - our own text
        f" WHERE run = %s AND task = %s AND state = 'begun' {_OURS} RETURNING worker)"
        " SELECT pg_notify(%s, worker) FROM asked"
    )
    connection.execute(query, [run, task, fence, ORDERS])


def lose(connection: Any, workers: Sequence[str]) -> list[str]:
    """Take note that workers vanished: nobody knows how ended what they, or others that are gone, had begun.

    Returns:
        The runs that have to know.
    """
    with connection.transaction():
        connection.execute("DELETE FROM queue_workers WHERE id = ANY(%s)", [[*workers]])
        query = (
            "UPDATE queue_orders o SET state = 'lost' WHERE state = 'begun'"
            " AND NOT EXISTS (SELECT FROM queue_workers w WHERE w.id = o.worker) RETURNING run"
        )
        runs = sorted({run for (run,) in connection.execute(query)})
        for run in runs:
            connection.execute("SELECT pg_notify(%s, %s)", [REPORTS, run])
    return runs


class WorkerRow(NamedTuple):
    """A worker as the database has it; `silent`: seconds since its last heartbeat, by the database's time."""

    id: str
    queues: tuple[str, ...]
    host: str
    pid: int
    version: str
    beat: object
    silent: float
    draining: bool


def workers(connection: Any) -> list[WorkerRow]:
    """Give every worker that did not end."""
    rows = connection.execute(
        "SELECT id, queues, host, pid, version, heartbeat,"
        " extract(epoch FROM clock_timestamp() - heartbeat)::float8, draining FROM queue_workers"
    )
    return [WorkerRow(row[0], tuple(row[1]), *row[2:]) for row in rows]
