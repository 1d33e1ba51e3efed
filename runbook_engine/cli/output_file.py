"""Writes a result to standard output or to a file."""

import sys
from pathlib import Path

from runbook_engine.app.whole_file import replacing
from runbook_engine.cli.terminal import say

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
    with replacing(out) as file:
        file.write(data)
    say(f"wrote {out}")


def print_bytes(data: bytes) -> None:
    """Write bytes to the standard output as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
