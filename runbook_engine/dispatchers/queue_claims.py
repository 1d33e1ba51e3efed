"""What a worker asks of the orders' tables; it reads nothing of the journal but who holds a run's lease."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from runbook_engine.dispatchers.queue_jobs import Key
from runbook_engine.dispatchers.queue_orders import REPORTS, WorkerRow, ask_lose, ask_workers, worker_rows


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


class Ended(NamedTuple):
    """How an attempt ended, as it is to be told.

    Attributes:
        worker: the name under which this worker began it.
        text: the report, without its output.
    """

    key: OrderKey
    worker: str
    text: str
    output: Mapping[str, bytes]


_KEYS = "unnest(%s::text[], %s::text[], %s::integer[])"
_CLAIMED = (
    "o.body, r.facts, coalesce((SELECT e.host FROM queue_orders e WHERE e.run = o.run AND e.task = o.task"
    " AND e.state = 'ended' ORDER BY e.number DESC LIMIT 1), '')"
)


def register(connection: Any, worker: str, facts: WorkerFacts) -> None:
    """Say that a worker works."""
    query = (
        "INSERT INTO queue_workers (id, queues, host, pid, version, plugins, slots) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    )
    connection.execute(query, [worker, list(facts.queues), *facts[1:]])


class Heard(NamedTuple):
    """What a worker hears when it says that it works.

    Attributes:
        known: false when it was given up meanwhile.
        workers: every one that did not end.
        begun: what it began itself, each with whether somebody wants it to end.
        left: what ended attempts left on targets, now its to tidy up: run, body and the run's facts.
    """

    known: bool
    workers: list[WorkerRow]
    begun: dict[OrderKey, bool]
    left: list[tuple[str, str, str]]


def beat(connection: Any, worker: str, *, draining: bool, queues: Sequence[str], tidies: int) -> Heard:
    """Say that a worker still works, and hear all that it looks at now and then, in one round trip.

    What workers that are gone had begun is noted as lost.

    Args:
        tidies: greatest number of attempts whose remains it takes.
    """
    query = "UPDATE queue_workers SET heartbeat = clock_timestamp(), draining = %s WHERE id = %s"
    with connection.pipeline():
        beaten = connection.execute(query, [draining, worker])
        ask_lose(connection, [])
        others = ask_workers(connection)
        begun = _ask_mine(connection, worker)
        left = _ask_tidy(connection, queues, tidies) if tidies else []
    return Heard(bool(beaten.rowcount), worker_rows(others), _read_mine(begun), list(left))


def retire(connection: Any, worker: str) -> None:
    """Say that a worker ended."""
    connection.execute("DELETE FROM queue_workers WHERE id = %s", [worker])


def claim(connection: Any, worker: str, host: str, keys: Sequence[OrderKey]) -> dict[OrderKey, Claimed]:
    """Begin orders; gives those that nobody else does from now on. Only while who ordered one holds its run's lease.

    That one is not recorded as ended follows from its row, which goes in the transaction that records the end.
    """
    # Who meets another at a row does not wait for it: two that want the same ones would wait for each other.
    query = (
        "WITH free AS (SELECT o.run, o.task, o.number FROM queue_orders o"  # noqa: S608 - our own text
        f" JOIN {_KEYS} AS k (run, task, number) USING (run, task, number)"
        " WHERE o.state = 'waiting' AND EXISTS (SELECT FROM queue_workers WHERE id = %s)"
        " AND EXISTS (SELECT FROM leases l WHERE l.name = 'run:' || o.run AND l.fence = o.fence"
        " AND l.holder IS NOT NULL AND l.expires_at > extract(epoch FROM clock_timestamp()))"
        " FOR UPDATE OF o SKIP LOCKED),"
        " begun AS (UPDATE queue_orders o SET state = 'begun', worker = %s, host = %s, begun_at = clock_timestamp()"
        " FROM free f WHERE o.run = f.run AND o.task = f.task AND o.number = f.number"
        " RETURNING o.run, o.task, o.number, o.body)"
        f" SELECT o.run, o.task, o.number, {_CLAIMED} FROM begun o JOIN queue_runs r ON r.run = o.run"
    )
    rows = connection.execute(query, [*_columns(keys), worker, worker, host])
    return {OrderKey(run, task, number): Claimed(*more) for run, task, number, *more in rows}


def may_come(connection: Any, key: OrderKey) -> bool:
    """Whether an order that could not be begun may be begun later, when its run's lease is held again."""
    query = (
        "SELECT EXISTS (SELECT FROM queue_orders o JOIN leases l ON l.name = 'run:' || o.run AND l.fence = o.fence"
        " WHERE o.run = %s AND o.task = %s AND o.number = %s AND o.state = 'waiting' AND l.holder IS NOT NULL)"
    )
    return bool(connection.execute(query, [*key]).fetchone()[0])


def mine(connection: Any, worker: str) -> dict[OrderKey, bool]:
    """Give the orders that a worker began, each with whether somebody wants it to end."""
    return _read_mine(_ask_mine(connection, worker))


def _ask_mine(connection: Any, worker: str) -> Any:
    query = "SELECT run, task, number, cancel FROM queue_orders WHERE state = 'begun' AND worker = %s"
    return connection.execute(query, [worker])


def _read_mine(rows: Iterable[Any]) -> dict[OrderKey, bool]:
    return {OrderKey(run, task, number): cancel for run, task, number, cancel in rows}


def read(connection: Any, keys: Sequence[OrderKey]) -> dict[OrderKey, Claimed]:
    """Give orders that were claimed."""
    query = (
        f"SELECT o.run, o.task, o.number, {_CLAIMED} FROM queue_orders o JOIN queue_runs r ON r.run = o.run"  # noqa: S608 - our own text
        f" JOIN {_KEYS} AS k (run, task, number) ON o.run = k.run AND o.task = k.task AND o.number = k.number"
    )
    rows = connection.execute(query, _columns(keys))
    return {OrderKey(run, task, number): Claimed(*more) for run, task, number, *more in rows}


def report(connection: Any, ended: Sequence[Ended]) -> set[OrderKey]:
    """Say how attempts ended, all at once; gives those that were written.

    Of others the worker was given up meanwhile, and nobody wants to hear it.
    """
    outputs = [(*one.key, stream, data) for one in ended for stream, data in one.output.items()]
    query = (
        "WITH ours AS (SELECT o.run, o.task, o.number, k.report FROM queue_orders o"
        " JOIN unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %b::text[])"  # (%b: JSON as it is)
        " AS k (run, task, number, worker, report) USING (run, task, number)"
        # Whoever changes several rows takes them in the same order, or two would wait for each other.
        " WHERE o.state = 'begun' AND o.worker = k.worker ORDER BY o.run, o.task, o.number FOR UPDATE OF o),"
        " said AS (UPDATE queue_orders o SET state = 'reported', report = u.report FROM ours u"
        " WHERE o.run = u.run AND o.task = u.task AND o.number = u.number RETURNING o.run, o.task, o.number),"
        " kept AS (INSERT INTO queue_outputs (run, task, number, stream, data)"
        " SELECT run, task, number, k.stream, k.data FROM said"
        " JOIN unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %b::bytea[])"
        " AS k (run, task, number, stream, data) USING (run, task, number))"
        " SELECT run, task, number, pg_notify(%s, run) FROM said"  # the same word once in a transaction
    )
    said = [[one.worker for one in ended], [one.text for one in ended]]
    kept = [[*column] for column in zip(*outputs, strict=True)] or [[], [], [], [], []]
    rows = connection.execute(query, [*_columns([one.key for one in ended]), *said, *kept, REPORTS])
    return {OrderKey(run, task, number) for run, task, number, _ in rows}


def progress(connection: Any, worker: str, said: Mapping[OrderKey, str]) -> None:
    """Say how far attempts are."""
    query = (
        "WITH said AS (UPDATE queue_orders o SET progress = k.progress"
        " FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[]) AS k (run, task, number, progress)"
        " WHERE o.run = k.run AND o.task = k.task AND o.number = k.number AND o.state = 'begun' AND o.worker = %s"
        " RETURNING o.run)"
        " SELECT pg_notify(%s, run) FROM said"
    )
    connection.execute(query, [*_columns([*said]), [*map(_storable, said.values())], worker, REPORTS])


def take_tidy(connection: Any, queues: Sequence[str], most: int) -> list[tuple[str, str, str]]:
    """Take orders whose end is recorded and that left something on their target: run, body and the run's facts."""
    return list(_ask_tidy(connection, queues, most))


def _ask_tidy(connection: Any, queues: Sequence[str], most: int) -> Any:
    query = (
        "DELETE FROM queue_orders o USING queue_runs r WHERE r.run = o.run AND (o.run, o.task, o.number) IN ("
        "SELECT run, task, number FROM queue_orders WHERE state = 'tidy' AND queue = ANY(%s)"
        " ORDER BY ordered_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING o.run, o.body, r.facts"
    )
    return connection.execute(query, [[*queues], most])


def _columns(keys: Sequence[OrderKey]) -> list[list[Any]]:
    """Give keys as three arrays."""
    return [[key.run for key in keys], [key.task for key in keys], [key.number for key in keys]]


def _storable(text: str) -> str:
    """Give a text without what the type text refuses; a host may say anything."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
