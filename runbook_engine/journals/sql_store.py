"""The two databases a journal can live in, and all in which they differ."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from runbook_engine.journals import sql_schema
from runbook_engine.journals.file import is_read_only, no_journal, ready_file, refuse_pending
from runbook_engine.journals.holder import machine_time
from runbook_engine.journals.leases import StoreTime
from runbook_engine.journals.sql_driver import ask
from runbook_engine.journals.sql_errors import explain, os_refused
from runbook_engine.journals.sql_files import same_files
from runbook_engine.model.errors import JournalError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

_BUSY_SECONDS = 15
_ASIDE_BUSY_SECONDS = 1
_WRITE = "runbook_write"
_LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")


class _DriverConnection(Protocol):
    """What a driver's connection has (PEP 249), as far as it is used here."""

    isolation_level: str | None

    def cursor(self) -> Any:
        """Give a cursor."""
        ...

    def commit(self) -> None:
        """Commit."""
        ...


class Aside:
    """Connections for what is no record: made when first asked for, apart from those that make things durable."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._made: Engine | None = None

    def engine(self) -> Engine:
        """Give them."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def close(self) -> None:
        """Give every connection back."""
        if self._made is not None:
            self._made.dispose()


@dataclass(frozen=True, slots=True)
class Store:
    """A database that holds a journal.

    Attributes:
        aside: for what is no record; each statement there is durable when the database likes.
        reader, writer: the same pool; a transaction of the writer's is alone with the rows it is about to change.
        where: how to name it to people, without a password.
        now: the store's time of day.
        store_time: the store's time for leases.
        insert: INSERT that knows what to do about a row that is there already.
    """

    reader: Engine
    writer: Engine
    where: str
    now: Callable[[Connection], datetime]
    store_time: Callable[[Connection], StoreTime]
    insert: Callable[[Table], "sqlite.Insert | postgresql.Insert"]
    aside: Aside
    is_file: bool
    is_read_only: bool = False

    def close(self) -> None:
        """Give every connection back."""
        self.reader.dispose()
        self.aside.close()

    def prepared(self, *, create: bool) -> "Store":
        """Look at the tables, and make them if asked to; two processes may come at the same second.

        Raises:
            JournalError: there is no journal (and `create` is false), or it is of another version, or can't be used.
        """
        try:
            with (self.reader if self.is_read_only else self.writer).begin() as connection:
                if create:
                    alone(connection)
                sql_schema.prepare(connection, create=create, where=self.where)
        except SQLAlchemyError as error:
            self.close()
            raise explain(error, self.where) from error
        except BaseException:
            self.close()
            raise
        return self


def alone(connection: Connection) -> None:
    """Wait for others who make or change the tables; SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(0x52554E424F4F4B)))


def take_time(connection: Connection) -> None:
    """Let this transaction and its statements last: a large journal takes long to be read as a whole."""
    if connection.dialect.name == "postgresql":
        ask(connection, "SELECT set_config(name, '0', true) FROM unnest(%s::text[]) name", ([*_LIMITS],))


def sqlite_store(path: Path, *, create: bool) -> Store:
    """Open an SQLite file, or make one without tables.

    Raises:
        JournalError: no file and `create` is false, or the file is unsafe, damaged, or not a journal.
    """
    try:
        present = ready_file(path, create=create)
    except OSError as error:
        raise os_refused(error, path) from error
    if not present:
        raise no_journal(str(path))
    read_only = not create and is_read_only(path)
    if read_only:
        refuse_pending(path)
    # What nobody changes needs no locks and no log, neither of which could be made there.
    address = f"file:{quote(str(path.absolute()))}?mode={'ro&immutable=1' if read_only else 'rw'}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False),
        poolclass=QueuePool,
        pool_reset_on_return="rollback",
    )
    event.listen(engine, "connect", _set_up_read_only if read_only else _set_up_sqlite)
    event.listen(engine, "begin", same_files(path))
    if read_only:
        event.listen(engine, "begin", lambda _: refuse_pending(path))
    event.listen(engine, "begin", _begin_sqlite)
    return Store(
        reader=engine,
        writer=engine.execution_options(**{_WRITE: True}),
        where=str(path),
        now=lambda _: datetime.now(UTC),
        store_time=lambda _: machine_time(),
        insert=sqlite.insert,
        aside=Aside(lambda: _sqlite_aside(path, address)),
        is_file=True,
        is_read_only=read_only,
    )


def _sqlite_aside(path: Path, address: str) -> Engine:
    """Give a connection that does not wait for the disk, nor long for others; the file stays whole all the same."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, timeout=_ASIDE_BUSY_SECONDS, check_same_thread=False),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
    )
    event.listen(engine, "connect", _set_up_aside)
    event.listen(engine, "begin", same_files(path))
    event.listen(engine, "begin", _begin_sqlite)
    return engine.execution_options(**{_WRITE: True})


def postgresql_store(url: URL) -> Store:
    """Name a PostgreSQL database; it is reached for when something is asked of it."""
    from sqlalchemy.dialects import postgresql

    # A server that vanished is noticed within half a minute instead of after the kernel's quarter of an hour.
    patience = {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "application_name": "runbook journal",
    }
    engine = create_engine(url.set(drivername="postgresql+psycopg"), connect_args=patience, pool_pre_ping=True)
    event.listen(engine, "connect", _set_up_postgresql)
    return Store(
        reader=engine.execution_options(isolation_level="REPEATABLE READ"),
        writer=engine,
        where=url.render_as_string(hide_password=True),
        now=lambda connection: connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC),
        store_time=_server_time,
        insert=postgresql.insert,
        aside=Aside(lambda: engine.execution_options(isolation_level="AUTOCOMMIT")),
        is_file=False,
    )


def _set_up_sqlite(connection: _DriverConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _set_up_aside(connection: _DriverConnection, _record: object) -> None:
    """With a write-ahead log, NORMAL loses at most the newest transactions when the machine loses its power."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _set_up_read_only(connection: _DriverConnection, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Use the write-ahead log; the switch needs the file alone for a moment and does not wait for that by itself.

    Raises:
        JournalError: SQLite stays with another mode, which it does without an error when the disk fails.
    """
    patience_ends = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > patience_ends:
                raise
            time.sleep(0.01)
        else:
            break
    if mode != "wal":
        raise JournalError(
            f"the journal's file can't have a write-ahead log (SQLite stays with {mode!r})",
            hint="put the journal on a local disk, and look at that disk (`dmesg`)",
        )


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once in a writer: a transaction that reads first and writes then could be refused."""
    writes = connection.get_execution_options().get(_WRITE, False)
    ask(connection, "BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up_postgresql(connection: _DriverConnection, _record: object) -> None:
    cursor = connection.cursor()
    # Who is frozen in the middle of a transaction holds its locks, also that of a lease which is to be taken over: the
    # server lets go of it before those who wait give up.
    settings = (
        "synchronous_commit = on",
        "idle_in_transaction_session_timeout = '20s'",
        "lock_timeout = '30s'",
        "statement_timeout = '120s'",
    )
    for setting in settings:
        cursor.execute(f"SET {setting}")
    cursor.close()
    connection.commit()


def _server_time(connection: Connection) -> StoreTime:
    wall = connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
    return StoreTime(wall=float(wall))
