"""Brings a journal that an older version wrote up to date, in one transaction."""

from sqlalchemy import Connection, select

from runbook_engine.journals.chain import event_row, read_row
from runbook_engine.journals.rows import task_rows
from runbook_engine.journals.sql_rows import put_tasks
from runbook_engine.journals.sql_schema import events, prunings, runs, tasks


def upgrade(connection: Connection) -> None:
    """Add what version 2 has besides version 1: where each task stands, and room for the records of prunings.

    Raises:
        JournalError: an event is damaged; nothing was changed.
    """
    tasks.create(connection, checkfirst=True)
    prunings.create(connection, checkfirst=True)
    for (run,) in connection.execute(select(runs.c.id)).all():
        rows = connection.execute(select(events).where(events.c.run == run).order_by(events.c.seq))
        put_tasks(connection, task_rows(read_row(event_row(row), follows=None) for row in rows).values())
