"""Version 1: runs, their events, captured output, leases."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Make the tables; see `sql_schema` for what they hold."""
    op.create_table("meta", sa.Column("key", sa.Text, primary_key=True), _whole("value"))
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        *map(_text, ("runbook", "inventory", "mode", "opened_at", "status")),
        sa.Column("closed_at", sa.Text),
        _text("operator"),
        _whole("head_seq"),
        _text("head_hash"),
    )
    op.create_table(
        "events",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        _whole("seq"),
        *map(_text, ("time", "actor", "kind", "body", "previous", "hash")),
        sa.PrimaryKeyConstraint("run", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outputs",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        _text("task"),
        _whole("number"),
        _text("stream"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        _text("sha256"),
        sa.PrimaryKeyConstraint("run", "task", "number", "stream"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text),
        _whole("fence"),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("expires_at", "ticks")),
        _text("ticker"),
    )
    op.execute("INSERT INTO meta (key, value) VALUES ('schema_version', 1), ('runs_opened', 0)")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)
