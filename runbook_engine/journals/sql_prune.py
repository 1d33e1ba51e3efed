"""Pruning a run in a database: its rows go and the record of that comes in one transaction."""

import sqlite3

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from runbook_engine.journals.chain import DAMAGE_HINT, event_row
from runbook_engine.journals.ledger import ENDINGS, OPENINGS, no_such_run
from runbook_engine.journals.pruning import PruningRow, check_prunable, kept_rows, make_pruning
from runbook_engine.journals.sql_errors import explain
from runbook_engine.journals.sql_rows import find_pruning, find_run, newest_pruning, opening_row
from runbook_engine.journals.sql_schema import events, live_output, lock_numbers, outputs, prunings, tasks
from runbook_engine.journals.sql_store import Store, take_time
from runbook_engine.journals.sql_triggers import allow_pruning
from runbook_engine.journals.sql_verify import verify
from runbook_engine.model.errors import JournalError, KeptRunError
from runbook_engine.model.event import Actor

_SPACIOUS = ("events", "outputs", "tasks", "live_output")


def prune(connection: Connection, run: str, actor: Actor, reason: str, *, time: str) -> PruningRow:
    """Remove a run's rows but the two that stay, and write the record.

    Raises:
        JournalError: it can't be pruned, or is damaged, and then is evidence; nothing was removed.
    """
    take_time(connection)
    count = lock_numbers(connection)
    head = find_run(connection, run, lock=True)
    if head is None:
        raise no_such_run(run)
    newest = opening_row(connection, count)
    check_prunable(head, newest, find_pruning(connection, run))
    if damages := verify(connection, run, is_file=False):
        raise KeptRunError(f"run {run} is not pruned, because it is damaged: {damages[0].problem}", hint=DAMAGE_HINT)
    if newest is None:
        raise JournalError(f"run {run} is not pruned: the journal's newest run is missing", hint=DAMAGE_HINT)
    rows = connection.execute(
        select(events).where(events.c.run == run, events.c.kind.in_((*OPENINGS, *ENDINGS))).order_by(events.c.seq)
    )
    kept = kept_rows([event_row(row) for row in rows])
    sizes = connection.execute(select(func.length(outputs.c.data)).where(outputs.c.run == run)).scalars().all()
    record = make_pruning(
        head,
        kept,
        sizes,
        newest=(count, newest),
        actor=actor,
        reason=reason,
        time=time,
        before=newest_pruning(connection),
    )
    allow_pruning(connection)
    connection.execute(delete(outputs).where(outputs.c.run == run))
    connection.execute(delete(live_output).where(live_output.c.run == run))
    connection.execute(delete(tasks).where(tasks.c.run == run))
    connection.execute(delete(events).where(events.c.run == run, events.c.seq.not_in([row.seq for row in kept])))
    connection.execute(prunings.insert(), record._asdict())
    return record


def compact(store: Store) -> None:
    """Give freed space back; outside any transaction, as databases demand.

    Raises:
        JournalError: it could not be done; the journal is as it was.
    """
    try:
        if store.is_file:
            _compact_file(store)
        else:
            with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.detach()  # its settings are not to stay in the pool
                connection.exec_driver_sql("SET statement_timeout = 0")
                for table in _SPACIOUS:
                    connection.exec_driver_sql(f"VACUUM {table}")
    except SQLAlchemyError as error:
        raise explain(error, store.where) from error
    except sqlite3.Error as error:
        raise JournalError(
            f"the freed space of {store.where} can't be given back now ({error})",
            hint="nothing is lost; it is used again by later runs, and the next `runbook runs prune` tries anew",
        ) from error


def _compact_file(store: Store) -> None:
    with store.writer.connect() as connection:
        driver = connection.connection.driver_connection
        connection.detach()  # closed with the block, and not lent again
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            driver.execute(statement)  # type: ignore[union-attr]  # sqlite3's
