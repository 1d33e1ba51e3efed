"""Passes a connection's file operations on to whatever does them: this machine's files, SFTP, or a shell by sudo."""

from pathlib import PurePosixPath
from typing import Protocol

from runbook_engine.sdk import FileStat

NOT_KEPT = "its owner and group can't be kept: only root can give a file to others (become)"
"""Why a file is left alone that the login may replace, but not as what it was: the app could no longer read it."""


class Files(Protocol):
    """The file operations of a connection; see `Connection` for what they mean."""

    def stat(self, path: str) -> FileStat | None:
        """Describe a path; None when there is nothing."""
        ...

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file of at most `limit` bytes."""
        ...

    def sha256(self, path: str) -> str | None:
        """Give a file's SHA-256, None when it is not there."""
        ...

    def listdir(self, path: str) -> tuple[str, ...]:
        """Name what is in a folder, sorted."""
        ...

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file so that its name shows the old or the new content, never a part; owner and group stay."""
        ...

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder and its parents; an existing one is left as it is."""
        ...

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; nothing happens when it is not there."""
        ...


class WithFiles:
    """A connection's file operations, done by another object."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def stat(self, path: str) -> FileStat | None:
        """Describe a path; None when there is nothing."""
        return self._files.stat(path)

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file of at most `limit` bytes."""
        return self._files.read(path, limit=limit)

    def sha256(self, path: str) -> str | None:
        """Give a file's SHA-256, None when it is not there."""
        return self._files.sha256(path)

    def listdir(self, path: str) -> tuple[str, ...]:
        """Name what is in a folder, sorted."""
        return self._files.listdir(path)

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file so that its name shows the old or the new content, never a part."""
        self._files.write(path, content, mode=mode)

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder and its parents; an existing one is left as it is."""
        self._files.make_directory(path, mode=mode)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        self._files.set_mode(path, mode)

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; nothing happens when it is not there."""
        self._files.remove(path)


def part_of(path: str) -> str:
    """Name the temporary neighbour that a file is written to before it gets its name; the same each time."""
    place = PurePosixPath(path)
    return str(place.parent / f".{place.name[:100]}.runbook-part")
