"""Verifying a journal in a database: reads everything once, and leaves the judging to `verify`."""

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import Connection, func, select, union_all

from runbook_engine.journals.chain import EventRow, event_row, label
from runbook_engine.journals.ledger import RunRow, no_such_run
from runbook_engine.journals.rows import TaskRow, run_row
from runbook_engine.journals.sql_rows import all_prunings, find_run, opening_row
from runbook_engine.journals.sql_schema import events, outputs, runs, runs_opened, tasks
from runbook_engine.journals.verify import OutputFact, verify_numbers, verify_run
from runbook_engine.journals.verify_pruned import verify_order, verify_pruned, verify_records
from runbook_engine.ports.journal import Damage


def verify(connection: Connection, run: str | None, *, is_file: bool) -> list[Damage]:
    """Verify one run, or (None) every run, their numbering, and the SQLite file's own structure."""
    damages: list[Damage] = []
    if run is not None and find_run(connection, run) is None:
        raise no_such_run(run)
    if run is None and is_file:
        damages += _check_pages(connection)
    listed = [run_row(row) for row in connection.execute(select(runs).order_by(runs.c.number))]
    before: RunRow | None = None
    records = {record.run: record for record in all_prunings(connection)}
    for each in listed:
        if each.id != label(each.id):  # no query can name it
            problem = "is listed with an id that is no text"
            damages.append(Damage(run=label(each.id), seq=0, problem=problem, kind="head"))
        elif run in {None, each.id}:
            rows = connection.execute(select(events).where(events.c.run == each.id).order_by(events.c.seq))
            tie = opening_row(connection, before.number) if before else None
            if (record := records.get(each.id)) is not None:
                left = _leftovers(connection, each.id)
                damages += verify_pruned(each, (event_row(row) for row in rows), left, record, before=tie)
                before = each
                continue
            facts = _facts(connection, each.id)
            listed_tasks = connection.execute(select(tasks).where(tasks.c.run == each.id))
            standing = (TaskRow(*row) for row in listed_tasks)
            damages += verify_run(each, (event_row(row) for row in rows), facts, standing, before=tie)
        before = each
    if run is None:
        damages += verify_numbers(listed, runs_opened(connection), _strays(connection))
        damages += verify_records(list(records.values()), {each.id: each for each in listed})
        damages += verify_order(_openings(connection, listed), list(records.values()))
    return damages


def _facts(connection: Connection, run: str) -> Iterator[OutputFact]:
    """Give the digests of captured output, one stream in memory at a time."""
    columns = (outputs.c.task, outputs.c.number, outputs.c.stream, outputs.c.sha256, outputs.c.data)
    query = select(*columns).where(outputs.c.run == run).execution_options(yield_per=1)
    for task, number, stream, claimed, data in connection.execute(query):
        yield OutputFact(task, number, stream, claimed, sha256(data).hexdigest() if isinstance(data, bytes) else "")


def _leftovers(connection: Connection, run: str) -> int:
    """Count what should have gone when a run was pruned."""
    counts = [select(func.count()).select_from(table).where(table.c.run == run) for table in (outputs, tasks)]
    return sum(connection.execute(count).scalar_one() for count in counts)


def _openings(connection: Connection, listed: list[RunRow]) -> list[tuple[RunRow, EventRow]]:
    rows = {row.run: row for row in map(event_row, connection.execute(select(events).where(events.c.seq == 1)))}
    return [(run, rows[run.id]) for run in listed if run.id in rows]


def _strays(connection: Connection) -> dict[str, int]:
    rows = union_all(select(events.c.run), select(outputs.c.run)).subquery()
    query = select(rows.c.run, func.count()).where(rows.c.run.not_in(select(runs.c.id))).group_by(rows.c.run)
    return {str(run): number for run, number in connection.execute(query)}


def _check_pages(connection: Connection) -> list[Damage]:
    """Ask SQLite whether its own structure is whole; a changed index would hide rows from every query."""
    found = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
    return [Damage(run="", seq=0, problem=f"SQLite: {line}", kind="changed") for line in found if line != "ok"]
