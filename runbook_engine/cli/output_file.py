"""Writes a result to standard output or to a file."""

import sys
from pathlib import Path

from runbook_engine.app.whole_file import replacing
from runbook_engine.cli.terminal import say
from runbook_engine.loading.config import CONFIG_NAME
from runbook_engine.loading.folder import real_path, shown
from runbook_engine.model.errors import UsageError

_OWN = frozenset({"runbooks", "inventories", "plugins", "team.yml", "runbook.toml", ".runbook"})
_STANDARD = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def is_standard(out: Path) -> bool:
    """Tell whether a file's name stands for the standard output."""
    return str(out) in _STANDARD


def write_result(text: str, out: Path | None) -> None:
    """Write a document; a file is replaced whole or not at all.

    Raises:
        UsageError: the file can't be written.
    """
    ended = text if text.endswith("\n") else text + "\n"
    if out is None or is_standard(out):
        print(ended, end="")
        return
    write_bytes(ended.encode(), out)


def write_bytes(data: bytes, out: Path) -> None:
    """Write to a file, whole or not at all, or to the standard output.

    Raises:
        UsageError: it can't be written.
    """
    if is_standard(out):
        print_bytes(data)
        return
    _refuse_own(out)
    with replacing(out) as file:
        file.write(data)
    say(f"wrote {out}")


def print_bytes(data: bytes) -> None:
    """Write bytes to the standard output as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _refuse_own(out: Path) -> None:
    """Refuse to replace what a project is made of: its own files are edited, and never results."""
    path = real_path(out)
    root = next((folder for folder in path.parents if (folder / CONFIG_NAME).is_file()), None)
    try:
        if root is None or not path.is_file():
            return
    except OSError:
        return  # such as a name that is too long: whoever writes there says so
    first = path.relative_to(root).parts[0]
    if first in _OWN or path.suffix == ".age":
        raise UsageError(f"{shown(out)} is part of the project, and no place for a result", hint="name another file")
