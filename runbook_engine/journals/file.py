"""The journal's file: made for its owner only, and refused when others could read or change it."""

import os
import sqlite3
import stat
import time
from contextlib import suppress
from pathlib import Path

from runbook_engine.model.errors import JournalError, NoJournalError
from runbook_engine.model.quoting import neutral

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MAKING_SECONDS = 2.0
_LEAST_BYTES = 512  # SQLite's smallest page; it takes a shorter file for a new database


def no_journal(where: str, *, is_file: bool = True) -> NoJournalError:
    """Say that there is no journal yet."""
    hint = "the first `runbook run` makes it" if is_file else "whoever owns the database makes it: runbook journal init"
    return NoJournalError(f"no journal yet at {where}", hint=hint)


def is_there(path: Path) -> bool:
    """Tell whether the journal's file is there, whatever it is.

    Raises:
        JournalError: nobody can tell: its folder may not be searched, or is none.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise JournalError(
            f"the journal {neutral(str(path))} can't be read: {error.strerror}",
            hint="may you read it, and search the folders above it?",
        ) from error
    return True


def ready_file(path: Path, *, create: bool) -> bool:
    """Make sure that the journal's file is there and safe; give False when there is none and `create` is false.

    Raises:
        JournalError: it, or its folder, is open to others, or it is no plain file, or it was emptied.
        OSError: it can't be made.
    """
    if create:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Somebody may have made it before, or at this very moment; then it is looked at below like any other.
        with suppress(FileExistsError):
            _make(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    _check_file(path, found)
    _check_folder(path.parent, path.parent.stat())
    _check_content(path)
    return True


def is_read_only(path: Path) -> bool:
    """Tell whether a journal that is there can only be read here: by its mode, its folder's, or on such a medium."""
    if not os.access(path, os.W_OK):
        return True
    # SQLite would have to make the log beside the file, unless it is there.
    return not os.access(path.parent, os.W_OK) and not log_of(path).exists()


def refuse_pending(path: Path) -> None:
    """Refuse to read a file alone as long as its log holds what is not in it.

    Raises:
        JournalError: it does, or another process is writing just now.
    """
    log = log_of(path)
    if log.exists() and log.stat().st_size:
        raise JournalError(
            f"the journal {path} can only be read here, and its log {log.name} holds events that are not in it yet",
            hint="copy both files to a folder of yours, and name the copy: RUNBOOK_JOURNAL=sqlite:////…/journal.db",
        )


def log_of(path: Path) -> Path:
    """Give the write-ahead log of a database in a file; source: sqlite.org/wal.html."""
    return path.with_name(f"{path.name}-wal")


def _make(path: Path) -> None:
    """Make a database without tables: a journal's file is never empty, so one that is was emptied by somebody."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_first_page())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # Nobody uses an empty file, so it can be taken away again; otherwise the next attempt would be refused.
        path.unlink(missing_ok=True)
        raise
    _make_entry_durable(path.parent)


def _first_page() -> bytes:
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE TABLE page (a)")
        database.execute("DROP TABLE page")
        database.execute("VACUUM")
        return database.serialize()
    finally:
        database.close()


def _check_content(path: Path) -> None:
    """Refuse a file that lost its contents; the one that another process makes at this moment gets time to fill."""
    patience_ends = time.monotonic() + _MAKING_SECONDS
    while (size := path.stat().st_size) < _LEAST_BYTES:
        if time.monotonic() > patience_ends:
            what = f"was cut to {size} bytes" if size else "is empty, and a journal never is"
            raise JournalError(
                f"the journal {path} {what}: its contents were lost",
                hint=f"put a copy of it from a backup in its place; or, to begin anew without it, remove it: rm {path}",
            )
        time.sleep(0.02)


def _make_entry_durable(folder: Path) -> None:
    """Write the folder itself to disk: a file that is durable in a folder that is not would be lost with it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"the journal {path} is not a plain file", hint="name the file itself, no link or folder")
    if found.st_mode & _OTHERS:
        raise JournalError(
            f"the journal {path} is open to others (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"see who may have changed it, then `chmod 600 {path}`",
        )
    if os.geteuid() not in {found.st_uid, 0}:
        raise JournalError(f"the journal {path} belongs to somebody else", hint="run as its owner")


def _check_folder(folder: Path, found: os.stat_result) -> None:
    if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
        raise JournalError(
            f"the journal's folder {folder} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"see who may have changed it, then `chmod go-w {folder}`",
        )
