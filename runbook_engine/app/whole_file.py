"""Writes a file that somebody named for a result: whole or not at all, and only where a plain file is or can be."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path

from runbook_engine.loading.folder import shown
from runbook_engine.model.errors import UsageError


@contextmanager
def replacing(out: Path, *, new_mode: int = 0o600) -> Iterator[BufferedRandom]:
    """Give a file to write and read; it takes the place of `out` when the block ends well, and is gone otherwise.

    Where `out` is a link to a plain file, that file is replaced, and the link stays.

    Args:
        new_mode: permissions of a file that was not there, less the umask; results may hold what is not for everybody.

    Raises:
        UsageError: `out` can't be written, or is something else than a plain file: a device, a pipe, a folder.
    """
    made: Path | None = None
    try:
        target, mode = _target(out)
        place = target.parent / f".runbook-{secrets.token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(place, flags, new_mode if mode is None else 0o600)
        made = place
        with os.fdopen(handle, "w+b") as file:
            if mode is not None:
                os.fchmod(handle, mode)
            yield file
            file.flush()
            os.fsync(handle)
        made.replace(target)
        made = None
    except OSError as error:
        message = f"{shown(out)} can't be written: {error.strerror}"
        raise UsageError(message, hint="name a file in a folder that is there") from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def _target(out: Path) -> tuple[Path, int | None]:
    """Give the file that is to be replaced, and its permissions; None when there is none yet."""
    try:
        found = out.stat()
    except FileNotFoundError:
        if out.is_symlink():
            raise UsageError(f"{shown(out)} is a link that leads nowhere", hint="name the file itself") from None
        return out, None
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no plain file, and is not replaced by one"
        raise UsageError(f"{shown(out)} can't be written: it is {what}", hint="name a file; `-` is the standard output")
    return Path(os.path.realpath(out)), stat.S_IMODE(found.st_mode) & 0o777
