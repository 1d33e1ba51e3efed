"""Brings the tables of a journal up to date, by Alembic, and tells how they differ from what they should be."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from runbook_engine.journals.sql_schema import metadata, revision_of, stamp

_FILES = Path(__file__).with_name("migrations")


def newest() -> str:
    """Name the newest version as the migrations do."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def migrate(connection: Connection, version: int | None) -> None:
    """Run, within the connection's transaction, what leads from a version (None: no tables) to today's.

    Raises:
        JournalError: an event is damaged.
    """
    config = _config()
    config.attributes["connection"] = connection
    if version is not None and not connection.dialect.has_table(connection, stamp.name):
        # It is from before there were migrations: its own number tells where it stands.
        command.stamp(config, revision_of(version))
    command.upgrade(config, "head")


def differences(connection: Connection) -> list[str]:
    """Tell in which ways the tables are not what this program makes; their order of columns is nobody's concern."""
    known = {*metadata.tables, stamp.name}

    def ours(_item: object, name: str | None, kind: str, _reflected: object, _other: object) -> bool:
        return kind != "table" or name in known  # (whatever else lives in that database)

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return [_words(change) for change in compare_metadata(context, metadata)]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FILES).replace("%", "%%"))
    return config


def _words(change: object) -> str:
    """Say a difference as Alembic gives it: a tuple that begins with what would put it right, or a list of those."""
    if isinstance(change, list):
        return "; ".join(map(_words, change))
    if not isinstance(change, tuple):
        return str(change)
    what, *where = change
    names = [
        getattr(part, "fullname", None) or getattr(part, "name", None) or part for part in where if part is not None
    ]
    return f"{str(what).replace('_', ' ')}: {' '.join(str(name) for name in names if isinstance(name, str))}"
