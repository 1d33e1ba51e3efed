"""Files of this machine: atomic writes that are on the disk when they return, and reads with a limit."""

import contextlib
import errno
import hashlib
import os
import stat as stat_bits
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Literal

from runbook_engine.connections.files import NOT_KEPT, part_of
from runbook_engine.sdk import FileAccessError, FileStat

_PIECE = 1 << 20


def kind_of(mode: int) -> Literal["file", "directory", "link", "other"]:
    """Name the kind of a file by its mode bits."""
    if stat_bits.S_ISREG(mode):
        return "file"
    if stat_bits.S_ISDIR(mode):
        return "directory"
    return "link" if stat_bits.S_ISLNK(mode) else "other"


class LocalFiles:
    """The file operations of a connection to this machine.

    Args:
        folder: where relative paths begin; None for the folder of this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def _at(self, path: str) -> str:
        return path if self._folder is None else str(self._folder / path)

    def stat(self, path: str) -> FileStat | None:
        """Describe a path; None when there is nothing."""
        with _told("look at", path):
            try:
                facts = os.lstat(self._at(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
            mode = stat_bits.S_IMODE(facts.st_mode)
            kind = kind_of(facts.st_mode)
            return FileStat(kind, facts.st_size, mode, facts.st_mtime, facts.st_uid, facts.st_gid)

    def read(self, path: str, *, limit: int) -> bytes:
        """Read a file of at most `limit` bytes."""
        with _told("read", path), _opened(self._at(path)) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise FileAccessError(f"{path} is longer than {limit} bytes")
        return content

    def sha256(self, path: str) -> str | None:
        """Give a file's SHA-256, None when it is not there."""
        with _told("read", path):
            try:
                with _opened(self._at(path)) as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def listdir(self, path: str) -> tuple[str, ...]:
        """Name what is in a folder, sorted."""
        with _told("list", path):
            return tuple(sorted(entry.name for entry in Path(self._at(path)).iterdir()))

    def write(self, path: str, content: bytes, *, mode: int | None = None) -> None:
        """Write a file by a temporary neighbour and a rename, both on the disk before it returns."""
        place = Path(self._at(path))
        with _told("write", path):
            if place.is_dir():
                raise FileAccessError(f"can't write {path}: it is a folder")
            bits = _bits_for(place, mode)
            part = Path(part_of(str(place)))
            # Left by an engine that was killed; a new one takes its place, so that nothing piles up.
            part.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(part, flags, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                try:
                    file.write(content)
                    file.flush()
                    _keep_owner(place, path, file.fileno())
                    os.fchmod(file.fileno(), bits)
                    os.fsync(file.fileno())
                    part.replace(place)
                except BaseException:
                    part.unlink(missing_ok=True)
                    raise
            _sync_folder(place.parent)

    def make_directory(self, path: str, *, mode: int | None = None) -> None:
        """Make a folder and its parents; an existing one is left as it is."""
        place = Path(self._at(path))
        with _told("make the folder", path):
            if place.is_dir():
                return
            place.mkdir(parents=True, exist_ok=True)
            if mode is not None:
                place.chmod(mode)

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        with _told("set the mode of", path):
            Path(self._at(path)).chmod(mode)

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; nothing happens when it is not there."""
        place = Path(self._at(path))
        with _told("remove", path), contextlib.suppress(FileNotFoundError):
            if place.is_dir() and not place.is_symlink():
                place.rmdir()
            else:
                place.unlink()


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BufferedReader]:
    """Open a plain file for reading; never waits for who writes into a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat_bits.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a folder" if stat_bits.S_ISDIR(mode) else "it is no plain file", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _told(what: str, path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileAccessError(f"can't {what} {path}: {words}") from error


def _keep_owner(place: Path, path: str, descriptor: int) -> None:
    """Give what is written to whom the file is that it replaces.

    Raises:
        FileAccessError: this process may not.
    """
    try:
        old = place.lstat()
    except FileNotFoundError:
        return
    new = os.fstat(descriptor)
    if not stat_bits.S_ISREG(old.st_mode) or (old.st_uid, old.st_gid) == (new.st_uid, new.st_gid):
        return
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except PermissionError as error:
        raise FileAccessError(f"can't write {path}: {NOT_KEPT}") from error


def _bits_for(place: Path, mode: int | None) -> int:
    """Give the bits a written file gets: those asked for, else the old file's, else what the process would give."""
    if mode is not None:
        return mode
    if place.exists():
        return stat_bits.S_IMODE(place.stat().st_mode)
    return 0o644


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
