"""Where the journal lives: from its address in the configuration to an open journal."""

from pathlib import Path

from runbook_engine.journals.ledger import SCHEMA_VERSION
from runbook_engine.model.errors import InvalidInputError, JournalError
from runbook_engine.ports.journal import Glance, Journal

_EXAMPLES = "sqlite:///.runbook/journal.db or postgresql://user@host/database"
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


def open_journal(url: str, *, project: Path, create: bool) -> Journal:
    """Open the journal of a project.

    Args:
        url: `sqlite:///` and a path, relative to the project unless it begins with a slash; or `postgresql://…`.
        create: make it when there is none.

    Raises:
        InvalidInputError: the address is none.
        JournalError: there is none, it is unsafe, damaged, newer than this program, or can't be reached.
    """
    path = _file(url, project)
    if path is not None:
        return _open_file(path, create=create)
    scheme, separator, rest = url.partition("://")
    if scheme in _POSTGRESQL and separator:
        return _open_postgresql(f"postgresql://{rest}", create=create)
    raise _no_address(url)


def check_address(url: str, *, project: Path) -> None:
    """Say whether an address can be a journal's, without opening anything.

    Raises:
        InvalidInputError: it can't.
    """
    scheme, separator, _ = url.partition("://")
    if _file(url, project) is None and not (scheme in _POSTGRESQL and separator):
        raise _no_address(url)


def open_glance(url: str, *, project: Path) -> Glance:
    """Open the journal of a project for a quick look; see `open_journal`."""
    path = _file(url, project)
    if path is None:
        return open_journal(url, project=project, create=False)
    from runbook_engine.journals.glance import FileGlance

    return FileGlance(path, version=SCHEMA_VERSION, whole=lambda: _open_file(path, create=False))


def folder_of(url: str, *, project: Path) -> Path | None:
    """Give the folder of the journal's file, None when it is no file.

    Raises:
        InvalidInputError: the address is none.
    """
    path = _file(url, project)
    return path.parent if path is not None else None


def _file(url: str, project: Path) -> Path | None:
    """Give the file that an address names, None when it names no file."""
    scheme, separator, rest = url.partition("://")
    if scheme != "sqlite" or not separator or not rest.startswith("/"):
        return None
    if not rest[1:] or rest[1:].startswith(":memory:"):
        raise InvalidInputError(f"{url} names no file", hint=f"an address looks like {_EXAMPLES}")
    return project / rest[1:]


def _no_address(url: str) -> InvalidInputError:
    scheme, separator, _ = url.partition("://")
    return InvalidInputError(
        f"{scheme + '://…' if separator else url!r} is not an address of a journal",
        hint=f"an address looks like {_EXAMPLES}",
    )


def _open_file(path: Path, *, create: bool) -> Journal:
    # SQLAlchemy takes a quarter of a second to import; a command that finds no journal should not pay for it.
    from runbook_engine.journals.sql import SqlJournal
    from runbook_engine.journals.sql_store import sqlite_store

    return SqlJournal(sqlite_store(path, create=create))


def _open_postgresql(url: str, *, create: bool) -> Journal:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from runbook_engine.journals.sql import SqlJournal
    from runbook_engine.journals.sql_store import postgresql_store

    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInputError("the journal's address can't be read", hint=f"it looks like {_EXAMPLES}") from error
    try:
        return SqlJournal(postgresql_store(address, create=create))
    except ModuleNotFoundError as error:
        raise JournalError(
            "a journal in PostgreSQL needs the driver psycopg, which is not installed",
            hint="pip install 'runbook-engine[postgresql]'",
        ) from error
