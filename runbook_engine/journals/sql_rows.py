"""Reads and writes single rows of the journal's tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from sqlalchemy import Connection, select

from runbook_engine.journals.chain import EventRow, Row, event_row, label, read_row
from runbook_engine.journals.ledger import OPEN, Batch, RunRow, no_such_run
from runbook_engine.journals.pruning import PruningRow, pruned_error, pruning_row
from runbook_engine.journals.rows import TaskRow, run_row, task_rows
from runbook_engine.journals.sql_driver import MARKS, ask, insert, locking, put
from runbook_engine.journals.sql_schema import events, outputs, prunings, runs, tasks
from runbook_engine.model.counted import DECISIVE, Standing, standing

_RUN_COLUMNS = ", ".join(RunRow.__slots__)
_EVENT_COLUMNS = ", ".join(EventRow._fields)
_AT_ONCE = 500  # names in one question
_MOVED = ("status", "closed_at", "head_seq", "head_hash")


def find_run(connection: Connection, run: str, *, lock: bool = False) -> RunRow | None:
    """Give a run's row; locked, nobody else appends to it until the transaction ends."""
    query = f"SELECT {_RUN_COLUMNS} FROM runs WHERE id = {MARKS[connection.dialect.name]}"  # noqa: S608 - our own names
    rows = ask(connection, query + (locking(connection) if lock else ""), (run,))
    return run_row(rows[0]) if rows else None


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


def events_after(connection: Connection, run: str, seq: int, *, most: int) -> Sequence[Row]:
    """Give a run's next events in order, at most so many, as the table has them."""
    mark = MARKS[connection.dialect.name]
    query = f"SELECT {_EVENT_COLUMNS} FROM events WHERE run = {mark} AND seq > {mark} ORDER BY seq LIMIT {most:d}"  # noqa: S608 - our own names
    return cast("Sequence[Row]", ask(connection, query, (run, seq)))


def tasks_before(connection: Connection, run: str, names: Sequence[str]) -> dict[str, Standing]:
    """Tell what may be decided about tasks now; tasks that nothing happened to are left out.

    Raises:
        JournalError: an event is damaged.
    """
    found: dict[str, Standing] = {}
    for few in (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE)):
        query = select(events).join(tasks, (tasks.c.run == events.c.run) & (tasks.c.seq == events.c.seq))
        query = query.where(tasks.c.run == run, tasks.c.task.in_(few))
        for row in connection.execute(query):
            event = read_row(event_row(row), follows=None).event
            found[label(event.task)] = standing(event) or Standing()  # type: ignore[union-attr]  # it is one of a task
    return found


def decided_since(connection: Connection, run: str, seq: int, names: Sequence[str]) -> bool:
    """Tell whether a run has a newer event that people's answers go by, or one of these tasks went on since."""
    for few in (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE)):
        moved = select(tasks.c.seq).where(tasks.c.run == run, tasks.c.seq > seq, tasks.c.task.in_(few))
        if connection.execute(moved.limit(1)).first() is not None:
            return True
    newer = select(events.c.seq).where(events.c.run == run, events.c.seq > seq, events.c.kind.in_(sorted(DECISIVE)))
    return connection.execute(newer.limit(1)).first() is not None


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


def insert_batch(
    connection: Connection,
    batch: Batch,
    captured: Sequence[tuple[str, str, int, str, bytes, str]],
    before: Mapping[str, Standing],
) -> None:
    """Write a batch of a run's events, with captured output, and what they make of its tasks and the run.

    Args:
        before: see `rows.task_rows`.
    """
    insert_events(connection, batch.rows)
    put_tasks(connection, task_rows(batch.stored, before).values())
    if captured:
        names = [column.name for column in outputs.columns]
        connection.execute(outputs.insert(), [dict(zip(names, row, strict=True)) for row in captured])
    move_head(connection, batch.run)


def insert_events(connection: Connection, rows: Sequence[EventRow]) -> None:
    """Write events."""
    put(connection, insert(connection, "events", EventRow._fields), rows)


def put_tasks(connection: Connection, rows: Iterable[TaskRow]) -> None:
    """Write where tasks stand now, in place of where they stood."""
    if newest := list(rows):
        moved = ", ".join(f"{name} = excluded.{name}" for name in ("seq", "kind", "outcome"))
        statement = f"{insert(connection, 'tasks', TaskRow._fields)} ON CONFLICT (run, task) DO UPDATE SET {moved}"
        put(connection, statement, newest)


def move_head(connection: Connection, run: RunRow) -> None:
    """Write where a run's chain ends now, and what that makes of the run."""
    mark = MARKS[connection.dialect.name]
    moved = ", ".join(f"{name} = {mark}" for name in _MOVED)
    values = (run.status, run.closed_at, run.head_seq, run.head_hash, run.id)
    ask(connection, f"UPDATE runs SET {moved} WHERE id = {mark}", values)  # noqa: S608 - our own names
