"""Reads and writes single rows of the journal's tables."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from sqlalchemy import Connection, bindparam, select

from runbook_engine.journals.chain import EventRow
from runbook_engine.journals.ledger import OPEN, RunRow, no_such_run
from runbook_engine.journals.pruning import PruningRow, pruned_error, pruning_row
from runbook_engine.journals.rows import TaskRow, event_row, run_row
from runbook_engine.journals.sql_schema import events, prunings, runs

MARKS = {"sqlite": "?", "postgresql": "%s"}
_RUN = select(runs).where(runs.c.id == bindparam("run"))
_RUN_LOCKED = _RUN.with_for_update()


def find_run(connection: Connection, run: str, *, lock: bool = False) -> RunRow | None:
    """Give a run's row; locked, nobody else appends to it until the transaction ends."""
    row = connection.execute(_RUN_LOCKED if lock else _RUN, {"run": run}).one_or_none()
    return run_row(row) if row is not None else None


def whole_run(connection: Connection, run: str, *, lock: bool = False) -> RunRow:
    """Give the row of a run that has its events; see `find_run`.

    Raises:
        JournalError: there is none, or it was pruned.
    """
    row = find_run(connection, run, lock=lock)
    if row is None:
        raise no_such_run(run)
    # (One that is not over was never pruned; that saves a question before each batch of a run.)
    record = find_pruning(connection, run) if row.status != OPEN else None
    if record is not None:
        raise pruned_error(record)
    return row


def opening_row(connection: Connection, number: int) -> EventRow | None:
    """Give the run.opened row of the run with a number."""
    query = select(events).join(runs, events.c.run == runs.c.id).where(runs.c.number == number, events.c.seq == 1)
    row = connection.execute(query).one_or_none()
    return event_row(row) if row is not None else None


def find_pruning(connection: Connection, run: str) -> PruningRow | None:
    """Give the record of a run's pruning, None when it was not pruned."""
    row = connection.execute(select(prunings).where(prunings.c.run == run)).one_or_none()
    return pruning_row(row) if row is not None else None


def newest_pruning(connection: Connection) -> PruningRow | None:
    """Give the newest record, None when there is none."""
    row = connection.execute(select(prunings).order_by(prunings.c.number.desc()).limit(1)).one_or_none()
    return pruning_row(row) if row is not None else None


def all_prunings(connection: Connection) -> list[PruningRow]:
    """Give all records, oldest first."""
    return [pruning_row(row) for row in connection.execute(select(prunings).order_by(prunings.c.number))]


def insert_events(connection: Connection, rows: Sequence[EventRow]) -> None:
    """Write events. The driver gets the rows as they are: a batch is written for every few tasks of a run."""
    connection.exec_driver_sql(_insert("events", EventRow, connection), cast("list[tuple[object, ...]]", rows))


def put_tasks(connection: Connection, rows: Iterable[TaskRow]) -> None:
    """Write where tasks stand now, in place of where they stood."""
    if newest := list(rows):
        statement = _insert("tasks", TaskRow, connection)
        moved = ", ".join(f"{name} = excluded.{name}" for name in ("seq", "kind", "outcome"))
        connection.exec_driver_sql(
            f"{statement} ON CONFLICT (run, task) DO UPDATE SET {moved}", cast("list[tuple[object, ...]]", newest)
        )


def _insert(table: str, row: type[NamedTuple], connection: Connection) -> str:
    marks = ", ".join([MARKS[connection.dialect.name]] * len(row._fields))
    return f"INSERT INTO {table} ({', '.join(row._fields)}) VALUES ({marks})"  # noqa: S608 - our own names, and marks
