"""Version 5: in PostgreSQL nobody changes or removes what was recorded, and who listens is told what is new."""

from alembic import op

from runbook_engine.journals.sql_triggers import TRIGGERS

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Add the triggers; an SQLite file has none, since all that could change it is its owner's."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in TRIGGERS:
            op.execute(statement)
    op.execute("UPDATE meta SET value = 5 WHERE key = 'schema_version'")
