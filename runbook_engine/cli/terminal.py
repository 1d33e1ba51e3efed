"""What the terminal can do, and asking it."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import IO

import click

from runbook_engine.cli.plain_text import plain

_WIDEST = 60  # characters of a column of a table


def is_terminal(stream: IO[str]) -> bool:
    """Tell whether a person reads the stream now; a CI system's pseudo-terminal is none."""
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def wants_colour(stream: IO[str]) -> bool:
    """Tell whether colour helps: a terminal, and NO_COLOR is not set."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def width_of(stream: IO[str]) -> int:
    """Give the columns that lists may fill: the terminal's, or what is good to read in a log."""
    return shutil.get_terminal_size((100, 24)).columns if is_terminal(stream) else 100


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


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Lay rows out in columns under their headings; the last column is not padded.

    A cell that is far longer than a column should be moves what stands behind it in its own row alone.
    """
    shown = [tuple(plain(cell) for cell in row) for row in (head, *rows)]
    widths = [
        max((len(row[column]) for row in shown if len(row[column]) <= _WIDEST), default=0)
        for column in range(len(head))
    ]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    return "\n".join(lines)
