"""The use case `init`: writes a small project that validates, and whose runbook runs on this machine."""

import os
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from runbook_engine.model.errors import RunbookError, UsageError

_RENAMED = {"gitignore": ".gitignore"}
_PROGRAMS = frozenset({"inventories/demo/lab.sh", "inventories/drill/lab.sh"})
_SKIPPED = frozenset({"__pycache__", "__init__.py"})


def init_project(folder: Path, *, person: str, lab: bool = False) -> list[str]:
    """Write the starter project into a folder, which is made when it is missing.

    Args:
        person: who gets the roles in team.yml, an id such as an operating system's user name.
        lab: also write the recovery runbooks and the inventories of the rehearsal lab, with its own, invented team.

    Returns:
        The files that were written, relative to the folder, sorted.

    Raises:
        UsageError: there is a project already, or a file that would be overwritten; nothing was written.
        RunbookError: the folder can't be written.
    """
    root = folder.absolute()
    contents = {_RENAMED.get(name, name): text for name, text in _starter(files(__package__) / "starter")}
    if lab:
        contents |= dict(_starter(files(__package__) / "starter_lab"))
    there = sorted(name for name in contents if os.path.lexists(root / name))
    if there:
        raise UsageError(
            f"{folder} holds {', '.join(there)} already; nothing was written",
            hint="name a new folder: `runbook init DIR`",
        )
    quoted_folder = str(root).replace("\\", "\\\\").replace('"', '\\"')
    try:
        for name, text in contents.items():
            filled = text.replace("@FOLDER@", quoted_folder).replace("@PERSON@", person)
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(filled)
            if name in _PROGRAMS:
                path.chmod(0o755)
    except OSError as error:
        raise RunbookError(
            f"{error.filename or root} can't be written: {error.strerror}", hint="choose a folder that you may write"
        ) from error
    return sorted(contents)


def _starter(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give every file of the starter with its relative name."""
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.name in _SKIPPED:
            continue
        if entry.is_dir():
            yield from _starter(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_text(encoding="utf-8")
