"""Notices that a journal's files were removed or replaced while they were in use, before anything is written to them.

A file that was removed can be written as long as it is open; all of it would be gone with the last who has it open.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from runbook_engine.model.errors import JournalError

_SEEN = "runbook_wal"
_BACK = "put it (or a copy of it from a backup) back; then `runbook resume` goes on where the run stopped"


def same_files(path: Path) -> Callable[[Connection], None]:
    """Give what refuses a transaction when a file's name leads elsewhere by now: the database's, or that of its log.

    SQLite itself removes the log (`-wal`) only when nobody has the database open; a connection that saw one finds the
    same one as long as it lasts.
    """
    opened = _identity(path)
    wal = path.with_name(f"{path.name}-wal")

    def look(connection: Connection) -> None:
        found = _identity(path)
        if found is None or found != opened:
            raise JournalError(_changed(path, found), hint=_BACK)
        log, seen = _identity(wal), connection.connection.info
        if _SEEN not in seen:
            if log is not None:
                seen[_SEEN] = log
        elif log != seen[_SEEN]:
            _refuse_log(connection, wal, log)

    return look


def _refuse_log(connection: Connection, wal: Path, found: tuple[int, int] | None) -> NoReturn:
    """Say that the log is another or none; what only the log held is put into the database first, where that can be."""
    if found is None and _moved_over(connection):
        hint = "all that was recorded is in the journal's file; `runbook resume` goes on where the run stopped"
    else:
        hint = f"what was recorded last may be lost with it; {_BACK}"
    raise JournalError(_changed(wal, found), hint=hint)


def _moved_over(connection: Connection) -> bool:
    """Copy what the log holds into the database; tell whether that is all of it. Nobody else has this log any more."""
    driver = connection.connection.driver_connection
    if driver is None:
        return False
    try:
        busy, pages, moved = driver.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    except sqlite3.Error:
        return False
    return not busy and pages == moved


def _changed(path: Path, found: tuple[int, int] | None) -> str:
    what = "was removed" if found is None else "was replaced by another file"
    return f"the journal {path} {what} while it was in use; nothing more is written"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - before every transaction; a Path's own costs three times as much
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
