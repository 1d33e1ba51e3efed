"""Writes a result to standard output or to a file."""

import os
import tempfile
from pathlib import Path

from runbook_engine.cli.terminal import say
from runbook_engine.model.errors import UsageError


def write_result(text: str, out: Path | None) -> None:
    """Write a document; a file is replaced whole or not at all.

    Raises:
        UsageError: the file can't be written.
    """
    ended = text if text.endswith("\n") else text + "\n"
    if out is None or str(out) == "-":
        print(ended, end="")
        return
    write_bytes(ended.encode(), out)


def write_bytes(data: bytes, out: Path) -> None:
    """Write a file, whole or not at all.

    Raises:
        UsageError: it can't be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(out)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"{out} can't be written: {error.strerror}"
        raise UsageError(message, hint="name a file in a folder that is there") from error
    say(f"wrote {out}")
