"""Refuses files that somebody else could have written or slipped in: what they say is done in the user's name."""

import os
import stat
from pathlib import Path

from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.quoting import neutral


def refuse_open(*paths: Path) -> None:
    """Refuse files and folders that everybody may write; those that are not there are nobody's concern.

    A group may share its files: who is in it, the machine's administrator decided.

    Raises:
        InvalidInputError: one of them is.
    """
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # whoever reads it says so, with the file's place
        if mode & stat.S_IWOTH:
            raise InvalidInputError(
                f"{neutral(str(path))} may be written by everybody, and so could do anything in your name",
                hint=f"see who may have changed it, then `chmod o-w {path}`",
            )


def refuse_open_tree(path: Path) -> None:
    """Refuse a file, or a folder with all that is in it, of which everybody may write a part.

    Raises:
        InvalidInputError: everybody may.
    """
    refuse_open(path)
    for folder, folders, files in os.walk(path):
        refuse_open(*(Path(folder, name) for name in (*folders, *files)))


def leads_out(path: Path, root: Path) -> bool:
    """Tell whether a path in the project is, by way of a link, a file outside of it."""
    base = Path(os.path.realpath(root))
    written = (Path(os.path.abspath(path)), Path(os.path.realpath(path.parent), path.name))  # noqa: PTH100 - no links
    inside = any(place.is_relative_to(folder) for place in written for folder in (base, root.absolute()))
    return inside and not Path(os.path.realpath(path)).is_relative_to(base)
