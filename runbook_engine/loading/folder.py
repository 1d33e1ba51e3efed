"""Looks for files and lists folders; what can't be looked at is an error, and never taken for missing."""

import os
import stat
from pathlib import Path

from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.quoting import neutral

_YAML = frozenset({".yml", ".yaml"})
_LONGEST = 200


def is_there(path: Path) -> bool:
    """Tell whether a path leads to something, links followed.

    Raises:
        InvalidInputError: nobody can tell: a folder above may not be searched, or the name is too long.
    """
    return _mode(path) is not None


def is_file(path: Path) -> bool:
    """Tell whether a path leads to a regular file; see `is_there`."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def is_folder(path: Path) -> bool:
    """Tell whether a path leads to a folder; see `is_there`."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def real_path(path: str | os.PathLike[str]) -> Path:
    """Follow links as far as they lead; one that leads in a circle stays, and is refused by whoever opens it.

    `Path.resolve` raises RuntimeError for that, up to Python 3.12.
    """
    return Path(os.path.realpath(path))


def entries(folder: Path) -> list[Path]:
    """List a folder, sorted; nothing when there is none.

    Raises:
        InvalidInputError: it can't be listed.
    """
    if not is_folder(folder):
        return []
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise _refused(folder, error) from error


def yaml_files(folder: Path) -> list[Path]:
    """Give the YAML files of a folder by their names, sorted; nothing when there is no such folder.

    Raises:
        InvalidInputError: it can't be listed.
    """
    return [path for path in entries(folder) if path.suffix in _YAML]


def shown(path: str | os.PathLike[str]) -> str:
    """Give a path as it can be said in a sentence: neutralised, and cut in its middle when it is very long."""
    text = os.fspath(path)
    return neutral(text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-(_LONGEST // 4) :]}")


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no path has a NUL in it
        return None
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(f"{shown(path)} can't be read: {error.strerror}", hint=read_hint(error))


def read_hint(error: OSError) -> str:
    """Say what to do about a path that can't be read."""
    if isinstance(error, PermissionError):
        return "may you read it, and search the folders above it?"
    return "is the path right?"
