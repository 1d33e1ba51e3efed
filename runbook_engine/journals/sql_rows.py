"""Rows of the journal's tables as values, also when somebody changed them into what they should never be."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Connection, bindparam, select

from runbook_engine.journals.chain import EventRow
from runbook_engine.journals.ledger import RunRow
from runbook_engine.journals.sql_schema import events, runs

_RUN = select(runs).where(runs.c.id == bindparam("run"))
_RUN_LOCKED = _RUN.with_for_update()
_COLUMNS = ", ".join(EventRow._fields)
_INSERT = {
    dialect: f"INSERT INTO events ({_COLUMNS}) VALUES ({', '.join([mark] * len(EventRow._fields))})"  # noqa: S608 - our own names
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%s"))
}
_RUN_NUMBERS = frozenset({"number", "head_seq"})


def find_run(connection: Connection, run: str, *, lock: bool = False) -> RunRow | None:
    """Give a run's row; locked, nobody else appends to it until the transaction ends."""
    row = connection.execute(_RUN_LOCKED if lock else _RUN, {"run": run}).one_or_none()
    return run_row(row) if row is not None else None


def opening_row(connection: Connection, number: int) -> EventRow | None:
    """Give the run.opened row of the run with a number."""
    query = select(events).join(runs, events.c.run == runs.c.id).where(runs.c.number == number, events.c.seq == 1)
    row = connection.execute(query).one_or_none()
    return event_row(row) if row is not None else None


def event_row(row: Sequence[object]) -> EventRow:
    """Give an event's row; a value of a wrong type becomes one that no hash fits."""
    found = EventRow(*row)  # type: ignore[arg-type]  # the next line looks at the types
    if type(found.seq) is int and all(type(text) is str for text in (found.run, *found[2:])):
        return found
    run, seq, *texts = row
    return EventRow(_text(run), seq if isinstance(seq, int) else -1, *[_text(text) for text in texts])


def run_row(row: Sequence[object]) -> RunRow:
    """Give a run's row; a value of a wrong type becomes one that its events contradict."""
    values: dict[str, object] = {}
    for name, value in zip(RunRow.__slots__, row, strict=True):
        if name in _RUN_NUMBERS:
            values[name] = value if isinstance(value, int) else -1
        else:
            values[name] = None if name == "closed_at" and value is None else _text(value)
    return RunRow(**values)  # type: ignore[arg-type]  # each value was just made to fit


def insert_events(connection: Connection, rows: Sequence[EventRow]) -> None:
    """Write events. The driver gets the rows as they are: a batch is written for every few tasks of a run."""
    connection.exec_driver_sql(_INSERT[connection.dialect.name], cast("list[tuple[object, ...]]", rows))


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
