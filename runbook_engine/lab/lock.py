"""The lock on a lab's folder: held as long as a lab lives there, from the moment when somebody begins to start one."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from runbook_engine.lab.errors import LabError
from runbook_engine.lab.files import StateFolder

TRIES, WAIT_SECONDS = 10, 0.02
"""Who only looks whether the lock is taken holds it for a moment; that is waited for."""


def claim(folder: StateFolder) -> int | None:
    """Make the folder a lab's and give the open file that holds its lock, or None when a lab lives there already.

    Raises:
        LabError: the folder holds what no lab made, or can't be one.
    """
    if not folder.marker.exists() and (foreign := [path for path in folder.folders if path.exists()]):
        raise LabError(f"{foreign[0]} exists and was not made by a lab", "choose an empty folder for --state")
    try:
        folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return take(folder.marker)
    except (FileExistsError, NotADirectoryError) as error:
        raise LabError(
            f"{folder.root} can't be a lab's folder: {error.strerror}", "choose another for --state"
        ) from error


def take(marker: Path) -> int | None:
    """Take the lock and give the open file that holds it, or None when a lab has it; the folder must be there.

    A process that inherits the file holds the lock, too.
    """
    descriptor = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(WAIT_SECONDS)
            continue
        if _is_still_there(descriptor, marker):
            return descriptor
        break  # `down` removed it meanwhile; who holds what is gone holds nothing
    os.close(descriptor)
    return None


def is_held(marker: Path) -> bool:
    """Whether a lab lives in the folder or is being started there."""
    try:
        descriptor = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_holder(descriptor: int, pid: int) -> None:
    """Say which process the lab is, so that it can be ended before it is ready."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{pid}\n".encode(), 0)


def _is_still_there(descriptor: int, marker: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), marker.stat())
    except FileNotFoundError:
        return False
