"""Version 6: who was told of a runbook's readiness; an answer that came too late says nothing of where its task is."""

import sqlalchemy as sa
from alembic import op

from runbook_engine.journals.chain import event_row, read_row
from runbook_engine.journals.rows import task_rows
from runbook_engine.journals.sql_rows import put_tasks

revision, down_revision = "0006", "0005"

_EVENTS = "SELECT run, seq, time, actor, kind, body, previous, hash FROM events WHERE run = :run ORDER BY seq"
_ANSWERED = """SELECT DISTINCT run FROM tasks WHERE kind IN
('gate.approved', 'gate.declined', 'manual.answered', 'hold.resolved', 'task.resolved')"""


def upgrade() -> None:
    """Keep programs out that do not know the new events, and tell anew where tasks stand that people answered.

    Raises:
        JournalError: an event is damaged.
    """
    op.execute("UPDATE meta SET value = 6 WHERE key = 'schema_version'")
    connection = op.get_bind()
    for (run,) in connection.execute(sa.text(_ANSWERED)).all():
        rows = connection.execute(sa.text(_EVENTS), {"run": run})
        put_tasks(connection, task_rows(read_row(event_row(row), follows=None) for row in rows).values())
