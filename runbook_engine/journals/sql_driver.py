"""Statements handed to the driver as they are: a batch is written for every few tasks of a run, thousands of times.

Making a statement of the toolkit's for each of them costs more than all that SQLite does for it. Errors are the
toolkit's all the same, so that there is one way to explain them.
"""

import sqlite3
from collections.abc import Sequence
from typing import cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from runbook_engine.journals.ledger import no_company
from runbook_engine.ports.journal import Also

MARKS = {"sqlite": "?", "postgresql": "%s"}
_Rows = Sequence[Sequence[object]]


def ask(connection: Connection, statement: str, values: Sequence[object] = ()) -> _Rows:
    """Execute one statement within the connection's transaction, and give its rows."""
    if connection.dialect.name != "sqlite":
        result = connection.exec_driver_sql(statement, tuple(values))
        return result.all() if result.returns_rows else []
    try:
        return _driver(connection).execute(statement, values).fetchall()
    except sqlite3.Error as error:
        raise _translated(statement, error) from error


def put(connection: Connection, statement: str, rows: _Rows) -> None:
    """Execute one statement for each of the rows."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(statement, cast("list[tuple[object, ...]]", rows))
        return
    try:
        _driver(connection).executemany(statement, rows)
    except sqlite3.Error as error:
        raise _translated(statement, error) from error


def insert(connection: Connection, table: str, columns: Sequence[str]) -> str:
    """Give the INSERT of one row; names are our own, and every value is a mark."""
    marks = ", ".join([MARKS[connection.dialect.name]] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - see above


def locking(connection: Connection) -> str:
    """Give what keeps the rows of a question as they are until the transaction ends; SQLite has one writer anyhow."""
    return " FOR UPDATE" if connection.dialect.name == "postgresql" else ""


def within(connection: Connection, also: Also) -> None:
    """Let somebody else write within the connection's transaction; its driver's errors are the toolkit's, too.

    Raises:
        JournalError: an SQLite file has nothing of anybody else's.
    """
    if connection.dialect.name == "sqlite":
        raise no_company()
    dialect, errors = connection.dialect, connection.dialect.loaded_dbapi.Error
    try:
        also(connection.connection.driver_connection)
    except errors as error:
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        raised = DBAPIError.instance("", None, error, errors, connection_invalidated=lost, dialect=dialect)
        raise cast("Exception", raised) from error


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _translated(statement: str, error: sqlite3.Error) -> Exception:
    """Give the driver's error the shape that the toolkit would have given it."""
    return cast("Exception", DBAPIError.instance(statement, None, error, sqlite3.Error))
