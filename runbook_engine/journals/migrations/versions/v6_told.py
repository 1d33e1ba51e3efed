"""Version 6: who was told of a runbook's readiness; the tables stay as they are."""

from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    """Keep programs out that do not know the new events."""
    op.execute("UPDATE meta SET value = 6 WHERE key = 'schema_version'")
