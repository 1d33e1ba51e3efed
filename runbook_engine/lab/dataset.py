"""The app's data: a small SQLite database of reviews that carries its own checksum."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SCHEMA = """
CREATE TABLE reviews (
  id INTEGER PRIMARY KEY, app TEXT NOT NULL, stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
  body TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE checksums (
  table_name TEXT PRIMARY KEY, row_count INTEGER NOT NULL, sha256 TEXT NOT NULL, newest TEXT NOT NULL);
"""
APPS = ("Workload Planner", "Git Integration", "Release Notes", "Time Sheets", "Form Builder")
BODIES = (
    "Does what it says.",
    "Saved our Monday meeting.",
    "Slow on big projects, support answered in an hour.",
    "Wir nutzen es täglich.",
    "Export to CSV would be nice.",
    "Broke after the update, fixed the same day.",
    "五つ星です。",
)
BETWEEN_REVIEWS = timedelta(minutes=37)
NEWEST_BEFORE = timedelta(seconds=40)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a verified copy of the data must show."""

    rows: int
    highest_id: int
    stars: int
    newest: str
    content_sha256: str
    file_sha256: str


def create_database(path: Path, rows: int, newest_at: datetime) -> None:
    """Write a fresh database of `rows` reviews, the newest 40 seconds older than `newest_at`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    last = newest_at - NEWEST_BEFORE
    reviews = [_review(number, last - (rows - number) * BETWEEN_REVIEWS) for number in range(1, rows + 1)]
    with open_database(path, create=True) as database, database:
        database.executescript(SCHEMA)
        database.executemany("INSERT INTO reviews VALUES (?, ?, ?, ?, ?)", reviews)
        _renew_checksum(database)


def add_review(path: Path, app: str, stars: int, body: str, at: datetime) -> int:
    """Store one more review and renew the checksum in the same transaction; returns its id."""
    with open_database(path) as database, database:
        cursor = database.execute(
            "INSERT INTO reviews (app, stars, body, created_at) VALUES (?, ?, ?, ?)",
            (app, stars, body, stamp(at)),
        )
        _renew_checksum(database)
        return int(cursor.lastrowid or 0)


def describe(path: Path) -> Manifest:
    """Measure a database file: counts, newest review, checksum of the rows and of the bytes."""
    with open_database(path, read_only=True) as database:
        rows, highest, stars, newest = database.execute(
            "SELECT count(*), coalesce(max(id), 0), coalesce(sum(stars), 0), coalesce(max(created_at), '')"
            " FROM reviews",
        ).fetchone()
        content = content_checksum(database)
    return Manifest(rows, highest, stars, newest, content, hashlib.sha256(path.read_bytes()).hexdigest())


def manifest_json(manifest: Manifest) -> bytes:
    """The manifest as a JSON document."""
    return json.dumps(asdict(manifest), indent=2).encode() + b"\n"


def back_up(source: Path, target: Path) -> None:
    """Copy a database that may be in use, as one consistent state."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    temporary.unlink(missing_ok=True)
    with open_database(source, read_only=True) as old, open_database(temporary, create=True) as new:
        old.backup(new)
    temporary.replace(target)


def spoil(path: Path) -> None:
    """Lose the reviews of one app, as a backup does that was cut short; what the database says of itself stays."""
    with open_database(path) as database, database:
        database.execute("DELETE FROM reviews WHERE app = ?", (APPS[0],))


def content_checksum(database: sqlite3.Connection) -> str:
    """SHA-256 over all reviews by id, fields parted by 0x1f, rows by a line feed."""
    digest = hashlib.sha256()
    for row in database.execute("SELECT id, app, stars, body, created_at FROM reviews ORDER BY id"):
        digest.update("\x1f".join(str(field) for field in row).encode() + b"\n")
    return digest.hexdigest()


@contextlib.contextmanager
def open_database(path: Path, *, read_only: bool = False, create: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a database file and close it again; a missing file is an error unless `create`."""
    mode = "ro" if read_only else ("rwc" if create else "rw")
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as database:
        yield database


def stamp(at: datetime) -> str:
    """A UTC time as the database stores it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _review(number: int, at: datetime) -> tuple[int, str, int, str, str]:
    app, body = APPS[number % len(APPS)], BODIES[number % len(BODIES)]
    return number, app, 1 + (number * number) % 5, body, stamp(at)


def _renew_checksum(database: sqlite3.Connection) -> None:
    count, newest = database.execute("SELECT count(*), coalesce(max(created_at), '') FROM reviews").fetchone()
    database.execute(
        "INSERT OR REPLACE INTO checksums VALUES ('reviews', ?, ?, ?)",
        (count, content_checksum(database), newest),
    )
