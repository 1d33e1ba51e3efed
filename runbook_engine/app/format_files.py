"""Lays the project's YAML files out anew: what they say stays, and a file that is not valid YAML is left alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.whole_file import replacing
from runbook_engine.loading.folder import is_file, real_path, shown, yaml_files
from runbook_engine.loading.limited_file import read_limited
from runbook_engine.loading.yaml_layout import LayoutError, formatted
from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, has_errors
from runbook_engine.model.errors import InvalidInputError

# Which tags a file may have is for others to say; here they stay as they are.
_VAULT = {"!vault": str, "!unsafe": str}
_WHAT = "`runbook fmt` lays runbooks, team.yml and other YAML of the project out"


@dataclass(frozen=True, slots=True)
class Layout:
    """A file before and after.

    Attributes:
        path: the file; None for a text that came otherwise.
        shown_as: its name for people.
    """

    path: Path | None
    shown_as: str
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether anything is to be written."""
        return self.before != self.after


def lay_out_files(project: OpenProject, names: Sequence[str]) -> Iterator[Layout | InvalidInputError]:
    """Give each file's layout, or why it has to be left as it is; nothing is written yet.

    Args:
        names: runbooks by name, any YAML file by path; without names all runbooks, and team.yml.

    Raises:
        InvalidInputError: the runbooks can't be listed.
    """
    for path in _chosen(project, names):
        name = _relative(project, path)
        try:
            _refuse_strange(project, path)
            data = read_limited(path, shown_as=name, limits=project.config.limits)
            if isinstance(data, Diagnostic):
                raise InvalidFilesError(f"{name} can't be read", [data])
            layout = _layout(path, name, data, project.config.limits)
        except InvalidInputError as error:
            yield error
        else:
            yield layout


def lay_out_text(data: bytes, limits: Limits) -> Layout:
    """Give the layout of a text that is no file.

    Raises:
        InvalidFilesError: it is not valid YAML.
        InvalidInputError: it can't be laid out without a change of what it says.
    """
    return _layout(None, "standard input", data, limits)


def write_layout(layout: Layout) -> None:
    """Write a file's new layout, whole or not at all.

    Raises:
        UsageError: it can't be written.
    """
    if layout.path is not None and layout.changes:
        with replacing(layout.path) as file:
            file.write(layout.after.encode())


def _layout(path: Path | None, name: str, data: bytes, limits: Limits) -> Layout:
    read = read_yaml(data, file=name, limits=limits, tags=_VAULT, warn_ambiguous=False)
    if has_errors(read.diagnostics):
        raise InvalidFilesError(f"{name} is left as it is", read.diagnostics, {name: read.sources})
    before = data.decode("utf-8-sig")
    if read.root is None:
        return Layout(path, name, before, before)  # nothing in it, or comments alone
    if not isinstance(read.root, dict | list):
        # Any text is YAML: its lines would become one.
        raise InvalidInputError(f"{name} is left as it is: it holds neither a mapping nor a list", hint=_WHAT)
    try:
        return Layout(path, name, data.decode(), formatted(before))
    except LayoutError as error:
        raise InvalidInputError(f"{name} is left as it is: {error}", hint="lay this file out by hand") from error


def _chosen(project: OpenProject, names: Sequence[str]) -> list[Path]:
    if names:
        return [project.runbook_path(name) for name in dict.fromkeys(names)]
    team = project.root / "team.yml"
    return [*yaml_files(project.root / "runbooks"), *([team] if is_file(team) else [])]


def _refuse_strange(project: OpenProject, path: Path) -> None:
    """Refuse a file, or a link to one, that is no part of the project: nobody asked for it to be written anew."""
    if not real_path(path).is_relative_to(real_path(project.root)):
        raise InvalidInputError(f"{shown(path)} is left as it is: it is not in the project", hint=_WHAT)


def _relative(project: OpenProject, path: Path) -> str:
    root = real_path(project.root)
    real = real_path(path)
    return shown(real.relative_to(root)) if real.is_relative_to(root) else shown(path)
