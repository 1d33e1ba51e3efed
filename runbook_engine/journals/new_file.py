"""A journal's file that appears whole or not at all, and never in the place of another."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook_engine.model.errors import UsageError
from runbook_engine.model.quoting import neutral


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a path for a file that gets its name when the block ends well, and is gone otherwise.

    What a killed process left of an earlier one is removed.

    Raises:
        UsageError: something of that name is there, before or after the block.
        OSError: the folder can't be written.
    """
    if path.is_symlink() or path.exists():
        raise _there(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    prefix = f".{path.name}.copy-"
    _remove_left(path.parent, prefix)
    room = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    handle = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield room / path.name
        _make_durable(room / path.name)
        try:
            path.hardlink_to(room / path.name)
        except FileExistsError as error:
            raise _there(path) from error
        _make_durable(path.parent)
    finally:
        shutil.rmtree(room)
        os.close(handle)


def _there(path: Path) -> UsageError:
    return UsageError(
        f"{neutral(str(path))} is there already, and is left as it is", hint="name a file that is not there yet"
    )


def _remove_left(folder: Path, prefix: str) -> None:
    """Remove rooms whose process is gone: nobody has their lock."""
    for room in folder.glob(f"{prefix}*"):
        handle = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(room)
        except BlockingIOError:
            continue  # another copy is being made
        finally:
            os.close(handle)


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
