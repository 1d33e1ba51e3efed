"""The use case `validate`: every finding about a project's files, or about some of them, at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runbook_engine.app.ec2 import ec2_reader
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.queues import queue_problems
from runbook_engine.app.safe_files import refuse_open, refuse_open_tree
from runbook_engine.app.secret_findings import AGE, age_findings
from runbook_engine.app.source_maps import source_maps
from runbook_engine.app.validate_kind import is_inventory
from runbook_engine.loading.accepted import accept
from runbook_engine.loading.collector import collector_paused
from runbook_engine.loading.config import config_source, load_config
from runbook_engine.loading.folder import entries, is_there, real_path, yaml_files
from runbook_engine.loading.inputs import complete_inputs
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.loading.source_lines import SourceLines
from runbook_engine.loading.team import load_team
from runbook_engine.model.diagnostic import Diagnostic, Location, Severity
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.journal_address import check_address
from runbook_engine.model.located import SourceMap
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.team import Team
from runbook_engine.planning.lint import lint
from runbook_engine.planning.lint_files import lint_files
from runbook_engine.planning.lint_survival import escaped_regions, lint_journal, lint_survival
from runbook_engine.planning.lint_tell import lint_tell
from runbook_engine.ports.catalog import Catalog

_CONFIG, _TEAM, _RUNBOOKS, _INVENTORIES = "runbook.toml", "team.yml", "runbooks", "inventories"


@dataclass(slots=True)
class Validation:
    """What was looked at, and what was found.

    Attributes:
        sources: the files' lines by file name, for code frames.
        files: every file or inventory that was looked at, as shown to people.
        escaped: every region that one of the runbooks escapes.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, SourceMap] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    escaped: set[str] = field(default_factory=set)

    def refused(self, *, strict: bool) -> bool:
        """Whether anything counts as an error; with `strict`, warnings do."""
        return any(strict or found.severity is Severity.ERROR for found in self.diagnostics)


def validate(project: OpenProject, names: tuple[str, ...] = ()) -> Validation:
    """Check what is named, or the whole project: configuration, team, plugins, inventories, runbooks.

    Args:
        names: runbooks and inventories by name or path, team.yml, runbook.toml.

    Raises:
        InvalidInputError: runbook.toml names an inventory that is not there, or a journal that can't be one.
    """
    found = Validation()
    chosen = _choose(project, names, found)
    if chosen.config:
        _config(project, found)
    team = _team(project, found, report=chosen.team)
    catalog, plugin_findings = project.actions
    if not names:
        found.diagnostics += plugin_findings
    if chosen.config:
        _tell(project, found, catalog)
    checked = [_inventory(project, path, found, report=True) for path in chosen.inventories]
    others = (
        [] if not chosen.runbooks else [path for path in _inventories(project, found) if path not in chosen.inventories]
    )
    quiet = [_inventory(project, path, found, report=False) for path in others]
    known = [inventory for inventory in (*checked, *quiet) if inventory is not None]
    for path in chosen.runbooks:
        _runbook(project, path, found, catalog, team, known)
    _journal(project, found)
    accepted = accept(list(dict.fromkeys(found.diagnostics)), found.sources)
    found.diagnostics = list(_weighed(accepted, project.config.rules))
    return found


def _weighed(found: Sequence[Diagnostic], rules: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Give findings the weight that runbook.toml gives their rules."""
    for item in found:
        weight = rules.get(item.rule)
        if weight is None:
            yield item
        elif weight != "off":
            yield item.model_copy(update={"severity": Severity(weight)})


def broken_config(start: Path) -> Validation | None:
    """Give the findings of a runbook.toml that is so wrong that no project can be opened; None when it is not."""
    here = real_path(start)
    root = next((folder for folder in (here, *here.parents) if (folder / _CONFIG).is_file()), None)
    if root is None:
        return None
    _, diagnostics = load_config(root / _CONFIG)
    return Validation(diagnostics=diagnostics, files=[_CONFIG]) if diagnostics else None


@dataclass(slots=True)
class _Chosen:
    """What is to be looked at."""

    config: bool = False
    team: bool = False
    runbooks: list[Path] = field(default_factory=list)
    inventories: list[Path] = field(default_factory=list)


def _choose(project: OpenProject, names: tuple[str, ...], found: Validation) -> _Chosen:
    if not names:
        runbooks = _runbooks(project, found)
        return _Chosen(config=True, team=True, runbooks=runbooks, inventories=_inventories(project, found))
    chosen = _Chosen()
    for name in names:
        path = Path(name)
        if path.name == _CONFIG:
            chosen.config = True
        elif path.name == _TEAM:
            chosen.team = True
        elif real_path(path) == real_path(project.root) / _RUNBOOKS:
            chosen.runbooks += _runbooks(project, found)
        elif real_path(path) == real_path(project.root) / _INVENTORIES:
            chosen.inventories += _inventories(project, found)
        elif is_inventory(project, name):
            chosen.inventories += project.inventory_paths((name,))
        else:
            try:
                chosen.runbooks.append(project.runbook_path(name))
            except InvalidInputError as error:
                _refuse(project, path, error, found)
    return chosen


def _runbooks(project: OpenProject, found: Validation) -> list[Path]:
    try:
        return yaml_files(project.root / _RUNBOOKS)
    except InvalidInputError as error:
        _refuse(project, project.root / _RUNBOOKS, error, found)
        return []


def _inventories(project: OpenProject, found: Validation) -> list[Path]:
    """Find every inventory; a default that lies elsewhere counts, too."""
    try:
        there = [path for path in entries(project.root / _INVENTORIES) if not path.name.startswith(".")]
    except InvalidInputError as error:
        _refuse(project, project.root / _INVENTORIES, error, found)
        return []
    there = [path for path in there if path.name not in {"group_vars", "host_vars"} and path.suffix != ".md"]
    try:
        default = project.inventory_paths(())
    except InvalidInputError:
        return there  # reported with the configuration
    real = {real_path(path) for path in there}
    return [*there, *(path for path in default if real_path(path) not in real)]


def _config(project: OpenProject, found: Validation) -> None:
    path = project.root / _CONFIG
    _, diagnostics = load_config(path)
    found.files.append(_CONFIG)
    found.diagnostics += diagnostics
    try:
        project.inventory_paths(())
    except InvalidInputError as error:
        raise InvalidInputError(f"{_CONFIG}: inventory: {error.message}", hint=error.hint) from error
    try:
        check_address(project.config.journal)
    except InvalidInputError as error:
        raise InvalidInputError(f"{_CONFIG}: journal: {error.message}", hint=error.hint) from error


def _tell(project: OpenProject, found: Validation, catalog: Catalog) -> None:
    """Check the channels over which the monitor tells people."""
    config = project.config
    if config.monitor.tell:
        source = config_source(project.root / _CONFIG)
        found.sources.setdefault(source.file, source)
        found.diagnostics += lint_tell(config.monitor.tell, lambda *path: source.at(path), catalog, config.defaults)


def _journal(project: OpenProject, found: Validation) -> None:
    """Hold the journal's address against the regions that the runbooks escape."""
    path = project.root / _CONFIG
    if not found.escaped or not path.is_file():
        return
    source = config_source(path)
    found.sources.setdefault(source.file, source)
    found.diagnostics += lint_journal(project.config.journal, found.escaped, source.at(("journal",)))


def _team(project: OpenProject, found: Validation, *, report: bool) -> Team | None:
    """Load the team; None (nothing is checked against it) when it is not valid, an empty one when there is none."""
    path = project.root / _TEAM
    if not is_there(path) and not path.is_symlink():
        return Team()
    try:
        refuse_open(path)
    except InvalidInputError as error:
        _refuse(project, path, error, found)
        return None
    team, diagnostics, sources = load_team(path, project.config.limits)
    if report:
        found.files.append(_TEAM)
        found.sources[sources.file] = sources
        found.diagnostics += diagnostics
    return team


def _inventory(project: OpenProject, path: Path, found: Validation, *, report: bool) -> Inventory | None:
    try:
        refuse_open(project.root / _INVENTORIES)
        refuse_open_tree(path)
    except InvalidInputError as error:
        _refuse(project, path, error, found)
        return None
    loaded = load_inventory(
        [path], name=path.name, project=project.root, limits=project.config.limits, describe=ec2_reader()
    )
    if report:
        shown, inventory = _shown(path, project.root), loaded.inventory
        found.files.append(shown)
        found.diagnostics += loaded.diagnostics
        if inventory is not None:
            found.diagnostics += queue_problems(project, inventory, inventory.targets.values(), shown)
    return loaded.inventory


@collector_paused()
def _runbook(
    project: OpenProject,
    path: Path,
    found: Validation,
    catalog: Catalog,
    team: Team | None,
    inventories: list[Inventory],
) -> None:
    try:
        project.runbook_path(str(path))
    except InvalidInputError as error:
        _refuse(project, path, error, found)
        return
    loaded = load_runbook(path, project=project.root, limits=project.config.limits, action_names=tuple(catalog.names()))
    found.files.append(loaded.sources.file)
    maps = source_maps(loaded)
    found.sources.update(maps)
    found.diagnostics += loaded.diagnostics
    source = loaded.for_lint()
    found.diagnostics += lint(
        source,
        catalog,
        team=team,
        inventories=inventories,
        defaults=project.config.defaults,
        read_inputs=complete_inputs,
    )
    read = partial(read_project_file, project.root)
    found.diagnostics += lint_files(source, catalog, project.config.defaults, read)
    found.diagnostics += lint_survival(source, catalog, inventories)
    if any(not isinstance(one.lines, SourceLines) or one.lines.may_say(AGE) for one in maps.values()):
        found.diagnostics += age_findings(source, project.root)
    found.escaped |= escaped_regions(source, inventories)


def _refuse(project: OpenProject, path: Path, error: InvalidInputError, found: Validation) -> None:
    """Tell of a file that is not even read, as one finding among the others."""
    shown = str(Path(_shown(path.parent, project.root)) / path.name)
    found.files.append(shown)
    found.diagnostics.append(diagnostic("RB001", Location(file=shown, line=1, column=1), error.message, error.hint))


def _shown(path: Path, root: Path) -> str:
    resolved, base = real_path(path), real_path(root)
    return str(resolved.relative_to(base)) if resolved.is_relative_to(base) else str(path)


def files_checked(files: Iterable[str]) -> str:
    """Count files in words."""
    count = len(list(files))
    return "1 file" if count == 1 else f"{count} files and inventories"
