"""The use case behind the list of runbooks: what each file of the project says of itself."""

from pathlib import Path

from runbook_engine.app.project import OpenProject
from runbook_engine.loading.folder import is_file, yaml_files
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.base import Frozen
from runbook_engine.model.diagnostic import has_errors
from runbook_engine.model.runbook import Runbook


class RunbookLine(Frozen):
    """A runbook's file.

    Attributes:
        file: its name without its ending, by which it is found.
        runbook: what it says; None when it is not valid.
        errors: what is wrong with it, a line each; warnings are none.
    """

    file: str
    runbook: Runbook | None
    errors: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The runbook's name; its file's where it has none that can be read."""
        return self.runbook.name if self.runbook is not None else self.file


def list_runbooks(project: OpenProject) -> list[RunbookLine]:
    """Read every runbook of the project, by file name.

    Raises:
        InvalidInputError: the folder of runbooks, or one of plugins, can't be read.
    """
    return [_line(project, path) for path in yaml_files(project.root / "runbooks") if is_file(path)]


def _line(project: OpenProject, path: Path) -> RunbookLine:
    loaded = load_runbook(
        path, project=project.root, limits=project.config.limits, action_names=project.catalog.names()
    )
    found = list(loaded.diagnostics)
    if loaded.runbook is not None and not has_errors(found):
        return RunbookLine(file=path.stem, runbook=loaded.runbook)
    wrong = [one for one in found if has_errors([one])]
    errors = tuple(f"{one.location}: {one.message}" for one in wrong)
    return RunbookLine(file=path.stem, runbook=None, errors=errors)
