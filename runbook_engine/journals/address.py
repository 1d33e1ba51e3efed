"""Where the journal lives: from its address in the configuration to an open journal."""

from pathlib import Path
from typing import TYPE_CHECKING

from runbook_engine.journals.file import is_read_only, is_there, no_journal
from runbook_engine.journals.ledger import SCHEMA_VERSION
from runbook_engine.model.errors import InvalidInputError, JournalError
from runbook_engine.model.journal_address import EXAMPLES, postgresql_url, sqlite_file
from runbook_engine.ports.journal import Glance, Journal

if TYPE_CHECKING:
    from runbook_engine.journals.sql_admin import JournalDatabase
    from runbook_engine.journals.sql_store import Store


def open_journal(url: str, *, project: Path, create: bool) -> Journal:
    """Open the journal of a project.

    Args:
        url: `sqlite:///` and a path, relative to the project unless it begins with a slash; or `postgresql://…`.
        create: make it when there is none.

    Raises:
        InvalidInputError: the address is none.
        JournalError: there is none, it is unsafe, damaged, newer than this program, or can't be reached.
    """
    path = sqlite_path(url, project=project)
    if path is not None:
        return _open_file(path, create=create)
    return _open_postgresql(postgresql_url(url), create=create)


def open_glance(url: str, *, project: Path) -> Glance:
    """Open the journal of a project for a quick look; see `open_journal`."""
    path = sqlite_path(url, project=project)
    if path is None:
        return open_journal(url, project=project, create=False)
    if is_there(path) and is_read_only(path):
        return _open_file(path, create=False)
    from runbook_engine.journals.glance import FileGlance

    return FileGlance(path, version=SCHEMA_VERSION, whole=lambda: _open_file(path, create=False))


def open_database(url: str, *, project: Path, create: bool = False) -> "JournalDatabase":
    """Open the database of a journal for those who keep it, whatever version it is of; see `open_journal`."""
    path = sqlite_path(url, project=project)
    if path is None:
        store = _server(postgresql_url(url))
    else:
        from runbook_engine.journals.sql_store import sqlite_store

        store = sqlite_store(path, create=create)
    from runbook_engine.journals.sql_admin import JournalDatabase

    return JournalDatabase(store)


def folder_of(url: str, *, project: Path) -> Path | None:
    """Give the folder of the journal's file, None when it is no file.

    Raises:
        InvalidInputError: the address is none.
    """
    path = sqlite_path(url, project=project)
    return path.parent if path is not None else None


def sqlite_path(url: str, *, project: Path) -> Path | None:
    """Give the file that an address names, None when it names no file.

    Raises:
        InvalidInputError: the address is none.
    """
    file = sqlite_file(url)
    return project / file if file is not None else None


def _open_file(path: Path, *, create: bool) -> Journal:
    # SQLAlchemy takes a quarter of a second to import; a command that finds no journal should not pay for it.
    if not create and not is_there(path):
        raise no_journal(str(path))
    from runbook_engine.journals.sql import SqlJournal
    from runbook_engine.journals.sql_store import sqlite_store

    return SqlJournal(sqlite_store(path, create=create).prepared(create=create))


def _open_postgresql(url: str, *, create: bool) -> Journal:
    from runbook_engine.journals.sql import SqlJournal

    return SqlJournal(_server(url).prepared(create=create))


def _server(url: str) -> "Store":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from runbook_engine.journals.sql_store import postgresql_store

    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInputError("the journal's address can't be read", hint=f"it looks like {EXAMPLES}") from error
    try:
        return postgresql_store(address)
    except ModuleNotFoundError as error:
        raise JournalError(
            "a journal in PostgreSQL needs the driver psycopg, which is not installed",
            hint="pip install 'runbook-engine[postgresql]'",
        ) from error
