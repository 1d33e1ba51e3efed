"""Databases by their SQLAlchemy URL; a check's hands open them so that the database itself refuses to write."""

import datetime as dt
import decimal
import math
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from runbook_engine.sdk import (
    DatabaseReadOnlyError,
    JsonScalar,
    ReadOnlyError,
    RunbookError,
    ServiceUnreachableError,
)

ROWS_AT_MOST = 10_000
_SECONDS = 60
_CONNECT_SECONDS = 10
# What MySQL calls a comment and runs all the same (/*! ... */) is none.
_COMMENT = re.compile(r"[\s;\ufeff]+|--[^\n]*\n?|/\*(?!M?!).*?(?:\*/|\Z)", re.DOTALL)
_SELECTS = ("select", "show", "explain", "describe", "values", "table")
_WRITE_REFUSED = ("readonly database", "read-only transaction", "READ ONLY transaction", "query_only")
# By these codes, never by words that may stand in a name, a database says that it takes no writes from anybody.
_NO_WRITES_SQLSTATE = "25006"  # PostgreSQL: read_only_sql_transaction
_NO_WRITES_MYSQL = frozenset({1792, 1836})  # in a read-only transaction, in read-only mode
_MYSQL_OPTION = 1290  # "running with the --read-only option", among other options
_NO_WRITES_WORDS = ("because the database is read-only", "ORA-16000:")  # SQL Server, Oracle
_SQLITE_REFUSED = ("not authorized", "authorization denied")
# Pragmas of SQLite whose argument names what to show, and those that do something without any argument.
_SHOWING = frozenset(
    {"foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo", "integrity_check"}
    | {"quick_check", "table_info", "table_list", "table_xinfo"}
)
_DOING = frozenset({"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"})


class AlchemyDatabase:
    """A database; each query has a connection and a transaction of its own.

    Args:
        url: SQLAlchemy's (`postgresql+psycopg://user:password@host/name`); its password is never shown.
        read_only: the database refuses to write (SQLite, PostgreSQL); of others only statements that begin like a
            query are taken, and their transaction is rolled back.
        seconds: a statement's time limit (PostgreSQL, MySQL); SQLite waits so long for locks.

    Raises:
        RunbookError: the URL is not valid, or its driver is not installed.
    """

    def __init__(self, url: str, *, read_only: bool, seconds: int = _SECONDS) -> None:
        self._read_only, self._seconds = read_only, seconds
        try:
            self._url = sqlalchemy.make_url(url)
            self._engine = _engine(self._url, seconds, read_only=read_only)
        except ArgumentError as error:
            raise RunbookError(
                "the database URL can't be read", hint="write it like postgresql+psycopg://user:password@host/name"
            ) from error
        except (NoSuchModuleError, ImportError) as error:
            raise RunbookError(
                f"no driver for {self._url.drivername}: {error}", hint="install it, for example psycopg[binary]"
            ) from error

    @property
    def name(self) -> str:
        """The database for messages, without its password and options."""
        return self._url.set(query={}).render_as_string(hide_password=True)

    def query(self, statement: str, parameters: Mapping[str, JsonScalar] | None = None) -> list[dict[str, JsonScalar]]:
        """Run a statement and give its rows (10,000 at most); values that JSON lacks are given as text.

        Raises:
            RunbookError: the database refused, in its own words.
            DatabaseReadOnlyError: it refused because it takes no writes from anybody.
            ReadOnlyError: the statement writes and these are a check's hands; nothing was kept.
            ServiceUnreachableError: no connection, or it broke; whether a change was kept is unknown.
        """
        dialect = self._engine.dialect.name
        if self._read_only and not _enforces(self._url) and not _selects(statement):
            raise ReadOnlyError(f"{self.name}: a check may only query, and this does not look like one query")
        if self._read_only and dialect == "sqlite" and _bare(statement).startswith("vacuum"):
            raise ReadOnlyError(f"{self.name}: a check may not VACUUM, which writes a file")
        try:
            with self._engine.connect() as connection:
                if self._read_only:
                    _guard(connection, dialect)
                rows = _rows(connection, statement, parameters or {})
                if self._read_only:
                    connection.rollback()
                else:
                    connection.commit()
                return rows
        except SQLAlchemyError as error:
            raise self._told(error) from error
        finally:
            self._engine.dispose()

    def _told(self, error: SQLAlchemyError) -> RunbookError:
        words = self._words(error)
        if self._read_only and any(mark in words for mark in _WRITE_REFUSED):
            return ReadOnlyError(f"{self.name}: the statement writes, which a check may not: {words}")
        if self._read_only and self._engine.dialect.name == "sqlite" and any(mark in words for mark in _SQLITE_REFUSED):
            return ReadOnlyError(
                f"{self.name}: a check may not attach or detach databases, nor set pragmas or load extensions: {words}"
            )
        if isinstance(error, DBAPIError) and (error.connection_invalidated or error.statement is None):
            return ServiceUnreachableError(f"{self.name}: no connection: {words}")
        if isinstance(error, DBAPIError) and _takes_no_writes(error.orig):
            return DatabaseReadOnlyError(f"{self.name}: {words}")
        return RunbookError(f"{self.name}: {words}")

    def _words(self, error: SQLAlchemyError) -> str:
        """Give the database's own words, without the parameters and without the password, should it repeat it."""
        words = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        password = self._url.password
        return " ".join((words.replace(str(password), "***") if password else words).split())[:1000]


def _engine(url: URL, seconds: int, *, read_only: bool) -> Engine:
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        return _sqlite(url, seconds, read_only=read_only)
    options: dict[str, Any] = {}
    if dialect == "postgresql" and url.get_driver_name() in ("psycopg", "psycopg2"):
        settings = [f"-c statement_timeout={seconds * 1000}"]
        if read_only:
            settings.append("-c default_transaction_read_only=on")
        options = {"connect_timeout": _CONNECT_SECONDS, "options": " ".join(settings)}
        if read_only and url.get_driver_name() == "psycopg":
            options["prepare_threshold"] = 0  # a prepared statement is one statement: none can hide behind a semicolon
    elif dialect in ("mysql", "mariadb"):
        options = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": seconds, "write_timeout": seconds}
    return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=options)


def _sqlite(url: URL, seconds: int, *, read_only: bool) -> Engine:
    """Open a file that is there: SQLite would otherwise make an empty database out of a typing error."""
    path = url.database
    if not path or path == ":memory:":
        return _watched(sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool), read_only=read_only)
    uri = f"{Path(path).absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    engine = sqlalchemy.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=seconds, check_same_thread=False),
        poolclass=sqlalchemy.NullPool,
    )
    return _watched(engine, read_only=read_only)


def _watched(engine: Engine, *, read_only: bool) -> Engine:
    """Have SQLite ask `_allowed` while it compiles a statement, which is before it makes anything."""
    if read_only:

        def restrict(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA query_only = ON")
            connection.set_authorizer(_allowed)

        sqlalchemy.event.listen(engine, "connect", restrict)
    return engine


def _allowed(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    """Tell SQLite whether a check may do a part of a statement; what changes tables, `query_only` refuses."""
    name = (first or "").lower()
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (name in _DOING or (second is not None and name not in _SHOWING)):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() == "load_extension":
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _enforces(url: URL) -> bool:
    """Tell whether the database itself can be made to refuse writes."""
    return url.get_backend_name() == "sqlite" or (
        url.get_backend_name() == "postgresql" and url.get_driver_name() == "psycopg"
    )


def _takes_no_writes(error: BaseException | None) -> bool:
    """Tell whether a driver's error says that the database is read-only for everybody."""
    if isinstance(error, sqlite3.Error):
        # The low byte is the kind of the error; a read-only file, folder, or journal that must be rolled back first.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
    if _NO_WRITES_SQLSTATE in (getattr(error, "sqlstate", None), getattr(error, "pgcode", None)):
        return True
    code = error.args[0] if error is not None and error.args else None
    words = str(error)
    if code == _MYSQL_OPTION:
        return "--read-only" in words or "--super-read-only" in words
    return code in _NO_WRITES_MYSQL or any(mark in words for mark in _NO_WRITES_WORDS)


def _guard(connection: Connection, dialect: str) -> None:
    """Tell the database that this transaction may not write."""
    if dialect == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql("SELECT 1")  # behind the first query a transaction can't become writable again


def _rows(connection: Connection, statement: str, parameters: Mapping[str, JsonScalar]) -> list[dict[str, JsonScalar]]:
    result = connection.execute(sqlalchemy.text(statement), dict(parameters))
    if not result.returns_rows:
        return []
    names = list(result.keys())
    found = result.fetchmany(ROWS_AT_MOST + 1)
    if len(found) > ROWS_AT_MOST:
        raise _too_many()
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found]


def _too_many() -> RunbookError:
    return RunbookError(f"the query has more than {ROWS_AT_MOST} rows", hint="add a LIMIT, or count in the database")


def _plain(value: object) -> JsonScalar:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def _selects(statement: str) -> bool:
    rest = _bare(statement)
    return rest.startswith(_SELECTS) and ";" not in rest.rstrip().removesuffix(";")


def _bare(statement: str) -> str:
    """Give the statement in lower case, without what may stand before its first word."""
    rest = statement
    while match := _COMMENT.match(rest):
        rest = rest[match.end() :]
    return rest.lower()
