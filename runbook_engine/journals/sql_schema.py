"""The journal's tables, their version, and making them.

`migrations` tells how they became what they are; a test holds both against each other.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
)
from sqlalchemy import PrimaryKeyConstraint as PrimaryKey

from runbook_engine.journals.file import no_journal
from runbook_engine.journals.ledger import SCHEMA_VERSION
from runbook_engine.journals.sql_triggers import make_triggers
from runbook_engine.model.errors import JournalError

_VERSION, _RUNS = "schema_version", "runs_opened"

metadata = MetaData()

# `runs_opened` counts every run that was ever opened, so that the newest one can't vanish as a whole unseen.
meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Integer, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("runbook", Text, nullable=False),
    Column("inventory", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("closed_at", Text),
    Column("operator", Text, nullable=False),
    Column("head_seq", Integer, nullable=False),
    Column("head_hash", Text, nullable=False),
)

# Without a row id SQLite keeps the rows in the key's own tree: one copy of the truth, no index that could differ.
events = Table(
    "events",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("time", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    PrimaryKey("run", "seq"),
    sqlite_with_rowid=False,
)

outputs = Table(
    "outputs",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("task", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("stream", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    PrimaryKey("run", "task", "number", "stream"),
)

# Where each task stands, from its events: for summaries, and checked against the events by `audit verify`.
tasks = Table(
    "tasks",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("task", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    PrimaryKey("run", "task"),
    sqlite_with_rowid=False,
)

# That runs were pruned: a chain of its own, which the runs opened since name.
prunings = Table(
    "prunings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("run", Text, nullable=False, unique=True),
    Column("time", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# The end of what running attempts put out, for whoever watches: overwritten, removed, and no evidence. Without a
# foreign key, since that would have it wait for who appends to the run, and who appends wait for it.
live_output = Table(
    "live_output",
    metadata,
    Column("run", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("stream", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
    PrimaryKey("run", "task", "number", "stream"),
)

# A lease that was given back keeps its row, without a holder: its fence must only grow.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text),
    Column("fence", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("ticks", Float, nullable=False),
    Column("ticker", Text, nullable=False),
)


# Alembic's own record of the version; a journal that was made in one go has it, too.
stamp = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32)),
    PrimaryKey("version_num", name="alembic_version_pkc"),
)


def prepare(connection: Connection, *, create: bool, where: str) -> None:
    """Make the tables, or make sure that they are ours and of the version that we read and write.

    Raises:
        JournalError: there is no journal (and `create` is false), it is something else, or of another version.
    """
    version = version_of(connection, where)
    if version is None:
        if not create:
            raise no_journal(where, is_file=connection.dialect.name == "sqlite")
        make_tables(connection)
    elif version > SCHEMA_VERSION:
        raise JournalError(
            f"{where} was written by a newer version (schema {version}; this one knows {SCHEMA_VERSION})",
            hint="update runbook-engine",
        )
    elif version < SCHEMA_VERSION:
        raise JournalError(
            f"{where} was written by an older version (schema {version}; this one writes {SCHEMA_VERSION})",
            hint="`runbook journal upgrade` brings it up to date; programs of the older version can't use it then",
        )


def make_tables(connection: Connection) -> None:
    """Make all that a journal has, of today's version and empty."""
    metadata.create_all(connection)
    rows = [{"key": _VERSION, "value": SCHEMA_VERSION}, {"key": _RUNS, "value": 0}]
    connection.execute(meta.insert(), rows)
    stamp.create(connection)
    connection.execute(stamp.insert().values(version_num=revision_of(SCHEMA_VERSION)))
    make_triggers(connection)


def version_of(connection: Connection, where: str) -> int | None:
    """Give the version of the tables that are there, None when there are none.

    Raises:
        JournalError: they are somebody else's.
    """
    present = set(inspect(connection).get_table_names())
    if "meta" not in present:
        if foreign := present & metadata.tables.keys():
            raise JournalError(
                f"{where} is not a journal: it has a table {min(foreign)!r} of somebody else's",
                hint="give the journal a database of its own",
            )
        return None
    version: int | None = connection.execute(select(meta.c.value).where(meta.c.key == _VERSION)).scalar()
    if version is None:
        raise JournalError(f"{where} is not a journal: its table 'meta' is somebody else's")
    return version


def revision_of(version: int) -> str:
    """Name a version as the migrations do."""
    return f"{version:04}"


def lock_numbers(connection: Connection) -> int:
    """Let no run be opened and none be pruned until the transaction ends; give the number of runs ever opened."""
    return int(connection.execute(select(meta.c.value).where(meta.c.key == _RUNS).with_for_update()).scalar_one())


def next_number(connection: Connection) -> int:
    """Count one more run; the row stays locked until the transaction ends, so runs are opened one after another."""
    connection.execute(meta.update().where(meta.c.key == _RUNS).values(value=meta.c.value + 1))
    return runs_opened(connection)


def runs_opened(connection: Connection) -> int:
    """Give the number of runs that were ever opened."""
    return int(connection.execute(select(meta.c.value).where(meta.c.key == _RUNS)).scalar_one())
