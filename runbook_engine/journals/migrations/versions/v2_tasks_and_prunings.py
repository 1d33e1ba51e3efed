"""Version 2: where each task stands, and room for the records of prunings."""

import sqlalchemy as sa
from alembic import op

from runbook_engine.journals.chain import event_row, read_row
from runbook_engine.journals.rows import task_rows
from runbook_engine.journals.sql_rows import put_tasks

revision, down_revision = "0002", "0001"

_EVENTS = "SELECT run, seq, time, actor, kind, body, previous, hash FROM events WHERE run = :run ORDER BY seq"


def upgrade() -> None:
    """Add the tables, and tell from the events where the tasks stand.

    Raises:
        JournalError: an event is damaged.
    """
    op.create_table(
        "tasks",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        *map(_text, ("task", "step", "target")),
        sa.Column("seq", sa.Integer, nullable=False),
        *map(_text, ("kind", "outcome")),
        sa.PrimaryKeyConstraint("run", "task"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prunings",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.Text, nullable=False, unique=True),
        *map(_text, ("time", "actor", "body", "previous", "hash")),
    )
    op.execute("UPDATE meta SET value = 2 WHERE key = 'schema_version'")
    connection = op.get_bind()
    for (run,) in connection.execute(sa.text("SELECT id FROM runs")).all():
        rows = connection.execute(sa.text(_EVENTS), {"run": run})
        put_tasks(connection, task_rows(read_row(event_row(row), follows=None) for row in rows).values())


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
