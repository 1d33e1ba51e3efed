"""Files of a backup: locks that last as long as the work, writes that survive a power cut, digests."""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .git_command import JobError

_BUSY_SECONDS = 30


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold a lock that lasts until the last process that inherited it is gone.

    Raises:
        JobError: somebody else holds it.
    """
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise JobError(
                        f"another process is at work on {path.stem}", "let it end, or end it, then run again"
                    ) from None
                time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name shows the old or the new content, also after a power cut."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make new names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """Give a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
