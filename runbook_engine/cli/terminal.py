"""What the terminal can do, and asking it."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import IO

import click

from runbook_engine.cli.plain_text import plain

_WIDEST = 60  # characters of a column of a table
_NARROW = 60  # columns of a terminal that is too narrow for tables


def is_terminal(stream: IO[str]) -> bool:
    """Tell whether a person reads the stream now; a CI system's pseudo-terminal is none."""
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def wants_colour(stream: IO[str]) -> bool:
    """Tell whether colour helps: a terminal, and NO_COLOR is not set."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def width_of(stream: IO[str]) -> int:
    """Give the columns that lists may fill: the terminal's, or what is good to read in a log."""
    return columns_of(stream) or 100


def can_ask() -> bool:
    """Tell whether somebody can be asked: both the keyboard and the screen are there."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str) -> bool:
    """Ask for yes or no on stderr; anything but yes is no."""
    return click.confirm(plain(question), default=False, err=True)


def say(text: str) -> None:
    """Tell people something that is not the result."""
    print(plain(text, lines=True), file=sys.stderr, flush=True)


def result(text: str) -> None:
    """Write the result, as text for people."""
    print(plain(text, lines=True))


def result_json(value: object) -> None:
    """Write the result as one JSON value, readable; characters that could harm a terminal are escaped."""
    print(json.dumps(value, indent=2, ensure_ascii=True))


def columns_of(stream: IO[str]) -> int:
    """Give the terminal's columns; 0 where there is none, and lines may be of any length."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if is_terminal(stream) else 0
    except (OSError, ValueError):
        return 0


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, columns: int = 0) -> str:
    """Lay rows out in columns under their headings; the last column is not padded.

    A cell that is far longer than a column should be moves what stands behind it in its own row alone. Where the
    terminal is too narrow for columns at all, each row is a block: its first cell, and below it the others by name.

    Args:
        columns: the terminal's, 0 for any.
    """
    shown = [tuple(plain(cell) for cell in row) for row in (head, *rows)]
    widths = [
        max((len(row[column]) for row in shown if len(row[column]) <= _WIDEST), default=0)
        for column in range(len(head))
    ]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    if 0 < columns < _NARROW and max(map(len, lines)) > columns:
        return "\n".join(line for row in shown[1:] for line in _block(shown[0], row, columns))
    return "\n".join(lines)


def _block(head: tuple[str, ...], row: tuple[str, ...], columns: int) -> Iterator[str]:
    yield from wrap(row[0].strip() or "-", columns, subsequent_indent="    ", break_on_hyphens=False)
    for name, cell in zip(head[1:], row[1:], strict=True):
        if cell:
            text = f"{name}: {cell}" if name else cell
            yield from wrap(text, columns, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
