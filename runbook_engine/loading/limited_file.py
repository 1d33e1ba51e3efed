"""Reads a file that somebody else wrote: regular, and of bounded size."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.rules import diagnostic


def read_limited(path: Path, *, shown_as: str, limits: Limits, follow_links: bool = True) -> bytes | Diagnostic:
    """Read a regular file of bounded size, or say why not; never waits on a pipe or device."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    place = Location(file=shown_as)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return diagnostic("RB001", place, f"can't read the file: {reason}", "is the path right, and may you read it?")
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return diagnostic("RB001", place, "is not a regular file", "name a file, not a folder, pipe or device")
        if status.st_size > limits.file_bytes:
            return too_large(shown_as, limits)
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            data = stream.read(limits.file_bytes + 1)
    except OSError as error:
        return diagnostic("RB001", place, f"can't read the file: {error.strerror}", "is the disk in order?")
    finally:
        os.close(descriptor)
    # A file that grows while it is read must not get past the bound.
    return data if len(data) <= limits.file_bytes else too_large(shown_as, limits)


def open_plain(path: Path) -> BinaryIO:
    """Open a regular file for reading, links followed; never waits on a pipe or device.

    Raises:
        OSError: it can't be opened, or is no regular file; its `strerror` says so.
    """
    return os.fdopen(_plain(path, os.O_RDONLY), "rb")


def open_to_append(path: Path) -> int:
    """Open a regular file to read it and add to it, made with mode 0644 when there is none; see `open_plain`."""
    return _plain(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)


def _plain(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return descriptor


def too_large(file: str, limits: Limits) -> Diagnostic:
    """Say that a file goes beyond the bound on its size."""
    return diagnostic(
        "RB002",
        Location(file=file),
        f"the file is larger than {limits.file_bytes:,} bytes",
        "split it, or raise limits.file_bytes in runbook.toml",
    )
