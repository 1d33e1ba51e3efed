"""Which project is meant by the paths that a command is given: the one here, or the one that they lie in."""

from collections.abc import Sequence
from pathlib import Path

from runbook_engine.loading.folder import is_file, real_path, shown
from runbook_engine.model.errors import UsageError

_CONFIG = "runbook.toml"


def named_project(names: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """Give the folder from which on the project is looked for, and the names that are left.

    A folder that has a `runbook.toml` is a project, and means all of it. Where there is no project here, the one counts
    in which the first of the paths lies, as for whoever stands at the root of a repository.

    Raises:
        UsageError: a project is named besides something else.
    """
    here = Path.cwd()
    for name in names:
        folder = Path(name)
        if name.strip() and is_file(folder / _CONFIG):
            if len(names) > 1:
                hint = "one project at a time: name its folder alone, or files of one project"
                raise UsageError(f"{shown(name)} is a project of its own", hint=hint)
            return folder, ()
    if _above(here) is None:
        for name in names:
            if name.strip() and (found := _above(real_path(name))) is not None:
                return found, tuple(names)
    return here, tuple(names)


def _above(path: Path) -> Path | None:
    return next((folder for folder in (path, *path.parents) if is_file(folder / _CONFIG)), None)
