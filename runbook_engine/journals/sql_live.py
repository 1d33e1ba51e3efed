"""What running attempts put out, in a table of the database: overwritten in place, removed with the attempt's end.

Whoever writes it must never hold back who writes the record: an SQLite file is written by a connection that does not
wait for the disk, and in PostgreSQL the record's transaction leaves a row that somebody holds to the end of a run.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from runbook_engine.journals.chain import label, read_time
from runbook_engine.journals.sql_driver import MARKS, ask, put
from runbook_engine.journals.sql_errors import explain
from runbook_engine.journals.sql_schema import live_output as table
from runbook_engine.journals.sql_store import Store
from runbook_engine.model.event import AttemptFinished, Event, RunClosed, write_time
from runbook_engine.ports.journal import Lease
from runbook_engine.ports.live import LiveOutput, Tail

_SERVER_TIME = """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_SHOW = """\
INSERT INTO live_output (run, task, number, stream, data, total, at)
SELECT {m}, {m}, {m}, {m}, {m}, {m}, {at}
WHERE EXISTS (SELECT 1 FROM leases WHERE name = {m} AND fence = {m} AND holder IS NOT NULL)
AND EXISTS (SELECT 1 FROM tasks WHERE run = {m} AND task = {m} AND kind = 'attempt.started')
ON CONFLICT (run, task, number, stream) DO UPDATE SET data = excluded.data, total = excluded.total, at = excluded.at"""
_OVER = "run = {m} OR run IN (SELECT id FROM runs WHERE closed_at IS NOT NULL)"
# The driver sends many tails as one transaction: a process frozen in its middle holds rows, and two could deadlock.
_UNHELD = """\
DELETE FROM live_output
WHERE ctid = ANY(ARRAY(SELECT ctid FROM live_output WHERE {} FOR UPDATE SKIP LOCKED))"""


def show(store: Store, tails: Sequence[Tail], lease: Lease) -> None:
    """Leave tails; see `Journal.show`.

    Raises:
        JournalError: the database can't be written just now.
    """
    try:
        with store.aside.engine().begin() as connection:
            mark, is_file = MARKS[connection.dialect.name], store.is_file
            now = [write_time(store.now(connection))] if is_file else []
            statement = _SHOW.format(m=mark, at=mark if is_file else _SERVER_TIME)
            rows = [
                (*_named(tail), tail.data, tail.total, *now, lease.name, lease.fence, tail.run, label(tail.task))
                for tail in tails
            ]
            put(connection, statement, rows)
    except SQLAlchemyError as error:
        raise explain(error, store.where) from error


def shown(connection: Connection, run: str) -> list[LiveOutput]:
    """Give a run's tails; see `Journal.shown`."""
    rows = connection.execute(select(table).where(table.c.run == run).order_by(*table.primary_key.columns))
    return [LiveOutput(row.task, row.number, row.stream, bytes(row.data), row.total, read_time(row.at)) for row in rows]


def shown_mark(connection: Connection, run: str) -> int:
    """Give a number that changes with a run's tails; see `Journal.shown_mark`."""
    count, total = connection.execute(
        select(func.count(), func.coalesce(func.sum(table.c.total), 0)).where(table.c.run == run)
    ).one()
    return int(count) + int(total)


def settle(connection: Connection, run: str, events: Iterable[Event]) -> None:
    """Remove the tails of attempts whose end is recorded in this transaction; all of them with the run's end."""
    ended, mark = [], MARKS[connection.dialect.name]
    for event in events:
        if isinstance(event, RunClosed):
            over = _UNHELD if connection.dialect.name == "postgresql" else "DELETE FROM live_output WHERE {}"
            ask(connection, over.format(_OVER.format(m=mark)), (run,))
            return
        if isinstance(event, AttemptFinished):
            ended.append(label(event.task))
    if not ended:
        return
    if connection.dialect.name == "postgresql":  # one question, and one answer over the network
        ask(connection, _UNHELD.format("run = %s AND task = ANY(%s)"), (run, ended))
    elif ask(connection, "SELECT 1 FROM live_output WHERE run = ? LIMIT 1", (run,)):
        put(connection, "DELETE FROM live_output WHERE run = ? AND task = ?", [(run, task) for task in ended])


def _named(tail: Tail) -> tuple[str, str, int, str]:
    return tail.run, label(tail.task), tail.number, tail.stream
