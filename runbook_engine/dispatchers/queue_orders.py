"""What the engine asks of the orders' tables, each within the transaction of a connection it is given."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from runbook_engine.dispatchers.queue_jobs import ATTEMPT, Key, defer
from runbook_engine.dispatchers.queue_wire import unbegun_text

REPORTS = "queue_reports"  # channel: a worker said something of a run, whose id is the payload
ORDERS = "queue_orders"  # channel: something was asked of a worker, whose id is the payload
# A process that was frozen, and whose run is another's by now, must not reach into that one's orders.
_OURS = " AND EXISTS (SELECT FROM leases WHERE name = 'run:' || run AND fence = %s)"
_KEYS_OF_RUN = "unnest(%s::text[], %s::integer[])"
_LEFT = "the process that ordered it was gone before any worker began it"


class NewOrder(NamedTuple):
    """An order to write down; `ticket` tells whether a job brings it to a worker at once."""

    key: Key
    queue: str
    body: str
    ticket: bool


class End(NamedTuple):
    """How an attempt ended, as far as it matters here.

    Attributes:
        in_doubt: the machine on which it was made stays noted, for whoever is to find out.
        leaves: something is on its target that a worker is to tidy up; never of one that is in doubt.
    """

    key: Key
    in_doubt: bool
    leaves: bool


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
    if not found:
        return
    columns = [[order.key.task for order in found], [order.key.number for order in found]]
    query = (
        "INSERT INTO queue_orders (run, fence, task, number, queue, body)"
        " SELECT %s, %s, * FROM unnest(%s::text[], %s::integer[], %s::text[], %b::text[])"
    )
    columns += [[order.queue for order in found], [order.body for order in found]]
    connection.execute(query, [run, fence, *columns])
    defer(connection, run, [(order.queue, order.key) for order in found if order.ticket])


def end(connection: Any, run: str, ends: Sequence[End]) -> None:
    """Take note that the journal has how attempts ended, and let go of what is not needed any more."""
    kept = [one for one in ends if one.in_doubt or one.leaves]
    over = [one for one in ends if not one.in_doubt]
    # A statement for each: only then PostgreSQL, which has no good count of a table whose rows come and go, finds them
    # by their whole key. They travel together all the same.
    with connection.cursor() as cursor:
        if kept:
            query = (
                "UPDATE queue_orders SET state = %s, report = NULL, body = CASE WHEN %s THEN body END"
                " WHERE run = %s AND task = %s AND number = %s"
            )
            states = [("ended" if one.in_doubt else "tidy", not one.in_doubt, run, *one.key) for one in kept]
            cursor.executemany(query, states)
            query = "DELETE FROM queue_outputs WHERE run = %s AND task = %s AND number = %s"
            cursor.executemany(query, [(run, *one.key) for one in kept])
        if over:
            # Without an end that is in doubt, earlier ones are not either.
            query = (
                "DELETE FROM queue_orders WHERE run = %s AND task = %s AND number BETWEEN 1 AND %s AND state <> 'tidy'"
            )
            cursor.executemany(query, [(run, one.key.task, one.key.number - one.leaves) for one in over])


def said(connection: Any, run: str) -> list[OrderRow]:
    """Give the orders of a run of which there is something to hear: they have ended, or said how far they are."""
    rows = connection.execute(
        "SELECT task, number, state, queue, host, progress, coalesce(report, '')"
        " FROM queue_orders WHERE run = %s AND state IN ('begun', 'reported', 'lost')"
        " AND (state <> 'begun' OR progress <> '')",
        [run],
    )
    return [OrderRow(Key(task, number), *more) for task, number, *more in rows]


def stranded(connection: Any, run: str, fence: int, seconds: float) -> list[tuple[str, Key]]:
    """Give queue and key of the orders that have waited so long and that no job brings to a worker."""
    query = (
        "SELECT o.queue, o.task, o.number FROM queue_orders o WHERE o.run = %s AND o.fence = %s AND o.state = 'waiting'"
        " AND o.ordered_at < clock_timestamp() - make_interval(secs => %s)"
        " AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.task_name = %s AND j.queue_name = o.queue"
        " AND j.args = jsonb_build_object('run', o.run, 'task', o.task, 'number', o.number))"
    )
    rows = connection.execute(query, [run, fence, seconds, ATTEMPT])
    return [(queue, Key(task, number)) for queue, task, number in rows]


def outputs_of(connection: Any, run: str, keys: Sequence[Key]) -> dict[Key, dict[str, bytes]]:
    """Give what was captured of attempts; of those without any, nothing."""
    found: dict[Key, dict[str, bytes]] = {}
    query = (
        f"SELECT o.task, o.number, o.stream, o.data FROM queue_outputs o JOIN {_KEYS_OF_RUN} AS k (task, number)"  # noqa: S608 - our own text
        " ON o.task = k.task AND o.number = k.number WHERE o.run = %s"
    )
    rows = connection.execute(query, [[key.task for key in keys], [key.number for key in keys], run])
    for task, number, stream, data in rows:
        found.setdefault(Key(task, number), {})[stream] = bytes(data)
    return found


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
    return sorted(run for run, _ in ask_lose(connection, workers))


def ask_lose(connection: Any, workers: Sequence[str]) -> Any:
    """Ask for what `lose` does; gives the cursor, which has each run and nothing."""
    # One statement, and so one transaction. Its parts all see what there was before it. It waits for nobody: a worker
    # that is frozen while it tells that it works holds its own row, and whatever it was about to note as lost.
    query = (
        "WITH gone AS (DELETE FROM queue_workers WHERE id IN"
        " (SELECT id FROM queue_workers WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED)),"
        " left_over AS (SELECT run, task, number FROM queue_orders o WHERE state = 'begun' AND NOT EXISTS"
        " (SELECT FROM queue_workers w WHERE w.id = o.worker AND w.id <> ALL(%s)) FOR UPDATE SKIP LOCKED),"
        " lost AS (UPDATE queue_orders o SET state = 'lost' FROM left_over l"
        " WHERE o.run = l.run AND o.task = l.task AND o.number = l.number RETURNING o.run)"
        " SELECT run, pg_notify(%s, run) FROM lost GROUP BY run ORDER BY run"
    )
    gone = [*workers]
    return connection.execute(query, [gone, gone, REPORTS])


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
    return worker_rows(ask_workers(connection))


def ask_workers(connection: Any) -> Any:
    """Ask for every worker; gives the cursor, for `worker_rows`."""
    return connection.execute(
        "SELECT id, queues, host, pid, version, heartbeat,"
        " extract(epoch FROM clock_timestamp() - heartbeat)::float8, draining FROM queue_workers"
    )


def worker_rows(rows: Iterable[Any]) -> list[WorkerRow]:
    """Read what was asked for."""
    return [WorkerRow(row[0], tuple(row[1]), *row[2:]) for row in rows]
