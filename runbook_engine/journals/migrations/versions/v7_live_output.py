"""Version 7: room for what running attempts put out, for whoever watches."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    """Make the table; see `sql_schema` for what it holds."""
    op.create_table(
        "live_output",
        *map(_text, ("run", "task")),
        sa.Column("number", sa.Integer, nullable=False),
        _text("stream"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        _text("at"),
        sa.PrimaryKeyConstraint("run", "task", "number", "stream"),
    )
    op.execute("UPDATE meta SET value = 7 WHERE key = 'schema_version'")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
