"""Copies a journal from one database into another: every row as it is, proven by the chain on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Table, func, select

from runbook_engine.journals.sql_schema import (
    events,
    leases,
    meta,
    metadata,
    outputs,
    prunings,
    runs,
    runs_opened,
    tasks,
)
from runbook_engine.journals.sql_verify import verify
from runbook_engine.model.errors import JournalError

# What refers to a table comes after it. The page: rows that are in memory at once; output is up to 1 MiB a row. What
# running attempts put out is no record, and nothing runs while one copies.
_TABLES: tuple[tuple[Table, int], ...] = ((runs, 1000), (events, 1000), (outputs, 16), (tasks, 1000), (prunings, 1000))


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: runs (records of the monitor's, too), events, captured streams; and the newest run's hash."""

    runs: int
    events: int
    outputs: int
    head: str


def copy_rows(source: Connection, target: Connection, *, source_is_file: bool, target_is_file: bool) -> Copied:
    """Fill an empty journal with all that another one holds, within the transactions of both.

    Leases are copied as given back, for none may be held now; their numbers go on growing from where they are.

    Raises:
        JournalError: the source does not verify, or the copy is not what the source is; the target must be rolled back.
    """
    _whole(source, is_file=source_is_file, which="the journal that is to be copied")
    for table, page in _TABLES:
        rows = source.execute(select(table).order_by(*table.primary_key.columns).execution_options(yield_per=page))
        for part in rows.partitions():
            target.execute(table.insert(), [row._asdict() for row in part])
    given_back = [{**row._asdict(), "holder": None} for row in source.execute(select(leases))]
    if given_back:
        target.execute(leases.insert(), given_back)
    target.execute(meta.update().where(meta.c.key == "runs_opened").values(value=runs_opened(source)))
    _whole(target, is_file=target_is_file, which="the copy")
    if contents(source) != contents(target):
        raise JournalError("the copy is not what was copied; nothing was kept of it", hint="try again")
    newest = target.execute(select(runs.c.head_hash).order_by(runs.c.number.desc()).limit(1)).scalar()
    return Copied(_count(target, runs), _count(target, events), _count(target, outputs), head=newest or "")


def contents(connection: Connection) -> tuple[object, ...]:
    """Give what tells two states of a journal apart: where every chain ends, how many rows there are."""
    ends = [tuple(row) for row in connection.execute(select(runs).order_by(runs.c.number))]
    records = connection.execute(select(prunings.c.hash).order_by(prunings.c.number)).scalars().all()
    counts = [_count(connection, table) for table, _ in _TABLES]
    return runs_opened(connection), ends, list(records), counts


def first_row(connection: Connection) -> str:
    """Name a table of a journal that holds something already; empty when none does."""
    held: Sequence[Table] = [table for table in metadata.sorted_tables if table is not meta]
    for table in held:
        row: Row[tuple[int]] | None = connection.execute(select(1).select_from(table).limit(1)).first()
        if row is not None:
            return table.name
    return ""


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _whole(connection: Connection, *, is_file: bool, which: str) -> None:
    if damages := verify(connection, None, is_file=is_file):
        first = damages[0]
        raise JournalError(
            f"{which} does not verify: {first.run or 'journal'}, event {first.seq}: {first.problem}"
            + (f" (and {len(damages) - 1} more)" if damages[1:] else ""),
            hint="`runbook audit verify` names all of it; keep the journal as evidence",
        )
