"""Version 3: events of looking again and of taking back; the tables stay as they are."""

from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Keep programs out that do not know the new kinds of events."""
    op.execute("UPDATE meta SET value = 3 WHERE key = 'schema_version'")
