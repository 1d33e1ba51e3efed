"""What a worker asks of the orders' tables; it reads nothing of the journal but who holds a run's lease."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runbook_engine.dispatchers.queue_jobs import Key
from runbook_engine.dispatchers.queue_orders import REPORTS


class OrderKey(NamedTuple):
    """What tells an order from all others."""

    run: str
    task: str
    number: int

    @property
    def of_run(self) -> Key:
        """What tells it from the others of its run."""
        return Key(self.task, self.number)


class WorkerFacts(NamedTuple):
    """What a worker says of itself; `host` names the machine, and no other has that name."""

    queues: tuple[str, ...]
    host: str
    pid: int
    version: str
    plugins: str
    slots: int


class Claimed(NamedTuple):
    """An order that is this worker's now.

    Attributes:
        facts: JSON of its run.
        before: the machine on which the task's earlier attempt was made, whose end is in doubt; empty without one.
    """

    body: str
    facts: str
    before: str


def register(connection: Any, worker: str, facts: WorkerFacts) -> None:
    """Say that a worker works."""
    query = (
        "INSERT INTO queue_workers (id, queues, host, pid, version, plugins, slots) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    )
    connection.execute(query, [worker, list(facts.queues), *facts[1:]])


def beat(connection: Any, worker: str, *, draining: bool) -> bool:
    """Say that a worker still works; false when it was given up meanwhile."""
    query = "UPDATE queue_workers SET heartbeat = clock_timestamp(), draining = %s WHERE id = %s"
    return bool(connection.execute(query, [draining, worker]).rowcount)


def retire(connection: Any, worker: str) -> None:
    """Say that a worker ended."""
    connection.execute("DELETE FROM queue_workers WHERE id = %s", [worker])


def claim(connection: Any, worker: str, host: str, key: OrderKey) -> bool:
    """Begin an order: nobody else does from now on. Only while who ordered it holds the run's lease.

    That it is not recorded as ended follows from its row, which goes in the transaction that records the end.
    """
    query = (
        "UPDATE queue_orders o SET state = 'begun', worker = %s, host = %s, begun_at = clock_timestamp()"
        " WHERE run = %s AND task = %s AND number = %s AND state = 'waiting'"
        " AND EXISTS (SELECT FROM queue_workers WHERE id = %s)"
        " AND EXISTS (SELECT FROM leases l WHERE l.name = 'run:' || o.run AND l.fence = o.fence"
        " AND l.holder IS NOT NULL AND l.expires_at > extract(epoch FROM clock_timestamp()))"
    )
    return bool(connection.execute(query, [worker, host, *key, worker]).rowcount)


def may_come(connection: Any, key: OrderKey) -> bool:
    """Whether an order that could not be begun may be begun later, when its run's lease is held again."""
    query = (
        "SELECT EXISTS (SELECT FROM queue_orders o JOIN leases l ON l.name = 'run:' || o.run AND l.fence = o.fence"
        " WHERE o.run = %s AND o.task = %s AND o.number = %s AND o.state = 'waiting' AND l.holder IS NOT NULL)"
    )
    return bool(connection.execute(query, [*key]).fetchone()[0])


def mine(connection: Any, worker: str) -> dict[OrderKey, bool]:
    """Give the orders that a worker began, each with whether somebody wants it to end."""
    query = "SELECT run, task, number, cancel FROM queue_orders WHERE state = 'begun' AND worker = %s"
    return {OrderKey(run, task, number): cancel for run, task, number, cancel in connection.execute(query, [worker])}


def read(connection: Any, key: OrderKey) -> Claimed:
    """Give an order that was claimed."""
    query = (
        "SELECT o.body, r.facts, coalesce((SELECT e.host FROM queue_orders e WHERE e.run = o.run AND e.task = o.task"
        " AND e.state = 'ended' ORDER BY e.number DESC LIMIT 1), '')"
        " FROM queue_orders o JOIN queue_runs r ON r.run = o.run"
        " WHERE o.run = %s AND o.task = %s AND o.number = %s"
    )
    return Claimed(*connection.execute(query, [*key]).fetchone())


def report(connection: Any, worker: str, key: OrderKey, text: str, output: Mapping[str, bytes]) -> bool:
    """Say how an attempt ended; false when the worker was given up meanwhile, and nobody wants to hear it."""
    with connection.transaction():
        query = (
            "UPDATE queue_orders SET state = 'reported', report = %s"
            " WHERE run = %s AND task = %s AND number = %s AND state = 'begun' AND worker = %s"
        )
        if not connection.execute(query, [text, *key, worker]).rowcount:
            return False
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO queue_outputs VALUES (%s, %s, %s, %s, %s)",
                [(*key, stream, data) for stream, data in output.items()],
            )
        connection.execute("SELECT pg_notify(%s, %s)", [REPORTS, key.run])
    return True


def progress(connection: Any, worker: str, key: OrderKey, text: str) -> None:
    """Say how far an attempt is."""
    query = (
        "WITH said AS (UPDATE queue_orders SET progress = %s"
        " WHERE run = %s AND task = %s AND number = %s AND state = 'begun' AND worker = %s RETURNING run)"
        " SELECT pg_notify(%s, run) FROM said"
    )
    connection.execute(query, [text, *key, worker, REPORTS])


def take_tidy(connection: Any, queues: Sequence[str], most: int) -> list[tuple[str, str, str]]:
    """Take orders whose end is recorded and that left something on their target: run, body and the run's facts."""
    query = (
        "DELETE FROM queue_orders o USING queue_runs r WHERE r.run = o.run AND (o.run, o.task, o.number) IN ("
        "SELECT run, task, number FROM queue_orders WHERE state = 'tidy' AND queue = ANY(%s)"
        " ORDER BY ordered_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING o.run, o.body, r.facts"
    )
    return list(connection.execute(query, [[*queues], most]))
