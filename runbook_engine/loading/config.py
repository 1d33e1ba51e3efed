"""Finds the project by its runbook.toml, and reads that."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from runbook_engine.loading.diagnostics import in_order
from runbook_engine.loading.limited_file import read_limited
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.pydantic_errors import diagnostics_of
from runbook_engine.loading.source_lines import SourceLines
from runbook_engine.loading.toml_source import TomlSyntaxError, read_toml
from runbook_engine.model.config import Config, Limits, Project
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import InvalidInputError, UsageError
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import quoted
from runbook_engine.model.rules import diagnostic

CONFIG_NAME = "runbook.toml"
JOURNAL_VARIABLE = "RUNBOOK_JOURNAL"
_CONFIG_LIMITS = Limits(file_bytes=1024 * 1024)


def find_project(start: Path, environment: Mapping[str, str] | None = None) -> Project:
    """Walk up from a folder to the nearest runbook.toml and read it.

    Args:
        start: where to begin, usually the current folder.
        environment: in place of the process's own.

    Raises:
        UsageError: there is no runbook.toml in the folder or above it.
        InvalidInputError: others may write the project's folder, or runbook.toml is not valid.
    """
    begin = Path(os.path.realpath(start))
    root = next((folder for folder in (begin, *begin.parents) if (folder / CONFIG_NAME).is_file()), None)
    if root is None:
        raise UsageError(
            f"no {CONFIG_NAME} in {begin} or any folder above it",
            hint="go to your project's folder, or make one: runbook init",
        )
    for path in (root, root / CONFIG_NAME):
        _refuse_foreign(path)
    config, found = load_config(root / CONFIG_NAME, environment)
    if config is None:
        sentences = [f"{item.location}: {item.message}" for item in found]
        raise InvalidInputError("\n".join(sentences), hint=next((item.hint for item in found if item.hint), ""))
    return Project(root=root, config=config)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> tuple[Config | None, list[Diagnostic]]:
    """Read runbook.toml; RUNBOOK_JOURNAL in the environment overrides `journal`. Without a valid file, None."""
    shown = path.name
    data = read_limited(path, shown_as=shown, limits=_CONFIG_LIMITS)
    if isinstance(data, Diagnostic):
        return None, [data]
    try:
        # TOML knows \n and \r\n only, and a byte order mark is some editors' habit.
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        place = Location(file=shown, line=line, column=1)
        return None, [diagnostic("RB003", place, "the file is not UTF-8", "save it as UTF-8")]
    try:
        root = read_toml(text)
    except TomlSyntaxError as error:
        place = Location(file=shown, line=error.mark[0], column=error.mark[1])
        return None, [diagnostic("RB403", place, f"the file is not TOML: {error}", "texts stand in quotes")]
    try:
        config = Config.model_validate(plain(root))
    except ValidationError as error:
        return None, in_order(diagnostics_of(error, SourceMap(shown, root, SourceLines(text)), model=Config))
    journal = (os.environ if environment is None else environment).get(JOURNAL_VARIABLE)
    return (config.model_copy(update={"journal": journal}) if journal else config), []


def config_source(path: Path) -> SourceMap:
    """Give the lines of a runbook.toml that was read before, and where its parts stand."""
    text = path.read_text(encoding="utf-8-sig")
    return SourceMap(path.name, read_toml(text), SourceLines(text))


def _refuse_foreign(path: Path) -> None:
    """Refuse what somebody else may write: plugins in it would run as whoever starts the engine."""
    status = path.stat()
    if status.st_mode & stat.S_IWOTH:
        raise InvalidInputError(
            f"{quoted(path)[1:-1]} may be written by everybody, and so could run anything in your name",
            hint=f"chmod o-w {path}",
        )
    if status.st_uid not in {0, os.geteuid()}:
        raise InvalidInputError(
            f"{quoted(path)[1:-1]} belongs to another user (uid {status.st_uid})",
            hint=f"if you trust its contents, make it yours: chown -R {os.geteuid()} {path}",
        )
