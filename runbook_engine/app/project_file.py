"""Reads files of the project, and none outside of it."""

import os
import stat
from pathlib import Path

from runbook_engine.loading.folder import real_path
from runbook_engine.model.errors import RunbookError

_LARGEST_FILE = 64 * 1024 * 1024


def read_project_file(project: Path, path: str) -> bytes:
    """Read a regular file below the project's root.

    Raises:
        RunbookError: the path leaves the project, or the file can't be read.
    """
    root = real_path(project)
    found = real_path(root / path)
    if Path(path).is_absolute() or not found.is_relative_to(root):
        raise RunbookError(f"{path} is not inside the project", hint="name a file of the project, by a relative path")
    try:
        descriptor = os.open(found, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise RunbookError(f"the project's file {path} can't be read: {error.strerror}") from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGEST_FILE:
            raise RunbookError(f"{path} is no regular file of at most {_LARGEST_FILE} bytes")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(_LARGEST_FILE)
    finally:
        os.close(descriptor)
