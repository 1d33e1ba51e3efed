"""Version 4: records of the monitor, and what was found about readiness; the tables stay as they are."""

from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Keep programs out that do not know the new kinds of events."""
    op.execute("UPDATE meta SET value = 4 WHERE key = 'schema_version'")
