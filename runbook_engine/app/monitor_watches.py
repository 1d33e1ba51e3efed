"""Finds the triggers of the project's runbooks, with all that is needed to look at them."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.app.prepare import read_inventory
from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.source_maps import source_maps
from runbook_engine.execution.alarm_rules import Watch
from runbook_engine.loading.collector import collector_paused
from runbook_engine.loading.folder import yaml_files
from runbook_engine.loading.runbook import LoadedRunbook, load_runbook
from runbook_engine.model.diagnostic import Diagnostic, Location, has_errors
from runbook_engine.model.errors import UsageError
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.model.located import SourceMap
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import ActionCall, Runbook, Step
from runbook_engine.planning.lint import lint
from runbook_engine.planning.make_plan import make_plan
from runbook_engine.ports.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Watched:
    """A trigger and the plan of one step that looks at its condition."""

    watch: Watch
    plan: Plan


@dataclass(frozen=True, slots=True)
class WatchList:
    """Everything that is watched, on one inventory.

    Attributes:
        files: what it was read from, by what the file system says of it; when that changes, it is read anew.
    """

    inventory: Inventory
    watched: tuple[Watched, ...]
    warnings: tuple[Diagnostic, ...] = ()
    files: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OneCall:
    """A runbook of one action that no file has (`planning.flatten.Source`)."""

    runbook: Runbook | None
    imported: Mapping[str, "OneCall"] = field(default_factory=dict)

    def place(self, step: int | None, *path: str | int) -> Location:
        """Say that it stands in no file."""
        del step, path
        return Location(file="(the monitor)")


def plan_calls(
    calls: Sequence[tuple[str, ActionCall]],
    inventory: Inventory,
    catalog: Catalog,
    *,
    name: str,
    inputs: JsonObject,
    variables: JsonObject,
) -> Plan:
    """Plan single actions on localhost, by id, with the names that a runbook's own templates see.

    Raises:
        InvalidFilesError: it can't be planned.
    """
    steps = tuple(Step(id=step, action=call) for step, call in calls)
    source = OneCall(Runbook(runbook=name, steps=steps, vars=variables))
    made = make_plan(source, inventory, inputs, catalog)
    if made.plan is None:
        raise InvalidFilesError(f"{name} can't be planned", list(made.diagnostics))
    return made.plan


@collector_paused()
def load_watches(
    project: OpenProject, names: Sequence[str], inventories: tuple[str, ...], command_inventories: tuple[str, ...] = ()
) -> WatchList:
    """Load the triggers of the named runbooks, or of all that stand in `runbooks/`.

    Args:
        command_inventories: how the inventories were named, for the commands that people are told.

    Raises:
        InvalidFilesError: something is not valid; has every finding.
        InvalidInputError: a name leads nowhere.
        UsageError: nothing has a trigger.
    """
    catalog, _ = project.actions
    before = fingerprints(project, inventories)
    inventory, _, found = read_inventory(project, inventories)
    sources: dict[str, SourceMap] = {}
    chosen: list[tuple[LoadedRunbook, Runbook]] = []
    for path in [project.runbook_path(name) for name in names] or _all_runbooks(project):
        loaded = load_runbook(path, project=project.root, limits=project.config.limits, action_names=catalog.names())
        if not names and not _may_have_triggers(loaded):
            continue  # nothing of it is watched, so that what is wrong with it is `validate`'s to say
        sources |= source_maps(loaded)
        found = [*found, *loaded.diagnostics]
        known = [inventory] if inventory else []
        defaults = project.config.defaults
        found += lint(loaded.for_lint(), catalog, team=project.team, inventories=known, defaults=defaults)
        if loaded.runbook is not None and loaded.runbook.triggers:
            chosen.append((loaded, loaded.runbook))
    if inventory is None or has_errors(found):
        errors = [item for item in found if has_errors([item])]
        first = f": {errors[0].location}: {errors[0].message}" if errors else ""
        raise InvalidFilesError(f"nothing is watched{first}", list(found), sources)
    if not chosen:
        where = f"of {', '.join(names)}" if names else f"in {project.root / 'runbooks'}"
        raise UsageError(f"no runbook {where} has triggers", hint="`triggers:` says what `runbook monitor` watches")
    watched = [one for _, runbook in chosen for one in _watched(runbook, inventory, catalog, command_inventories)]
    return WatchList(inventory, tuple(watched), tuple(found), before)


def fingerprints(project: OpenProject, inventories: tuple[str, ...]) -> dict[str, tuple[int, int, int]]:
    """Say what the file system says of every file that decides what is watched."""
    root = project.root
    paths = [root / "runbook.toml", root / "team.yml", *_all_runbooks(project)]
    for source in project.inventory_paths(inventories):
        paths += [source, *source.rglob("*")] if source.is_dir() else [source]
    return {str(path): facts for path in paths if (facts := _facts(path)) is not None}


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if path.is_file() else None


def _may_have_triggers(loaded: LoadedRunbook) -> bool:
    """Tell whether a file has triggers; one that can't be read may have some."""
    if loaded.runbook is not None:
        return bool(loaded.runbook.triggers)
    root = loaded.sources.root
    return not isinstance(root, dict) or "triggers" in root


def _all_runbooks(project: OpenProject) -> list[Path]:
    return [project.runbook_path(str(path)) for path in yaml_files(project.root / "runbooks")]


def _watched(
    runbook: Runbook, inventory: Inventory, catalog: Catalog, inventories: tuple[str, ...]
) -> Iterator[Watched]:
    asks = {
        name: value.description or f"the runbook's input {name}"
        for name, value in runbook.inputs.items()
        if value.required and value.default is None
    }
    words = ["runbook", "run", runbook.name, *(word for name in inventories for word in ("-i", name))]
    given = [word for name in asks for word in ("-e", f"{name}={name.upper()}")]
    command = shlex.join([*words, *given])
    for number, trigger in enumerate(runbook.triggers, 1):
        plan = plan_calls(
            [("look", trigger.when)],
            inventory,
            catalog,
            name=runbook.name,
            inputs={name: value.default for name, value in runbook.inputs.items()},
            variables=runbook.vars,
        )
        watch = Watch(
            id=f"{runbook.name}/{number}",
            runbook=runbook.name,
            inventory=inventory.name,
            then=trigger.then,
            held_for=trigger.held_for,
            definition=plan.fingerprint,
            title=runbook.title,
            owner=runbook.owner or "",
            command=command,
            rehearsal=f"{command} --dry-run",
            asks=asks,
        )
        yield Watched(watch, plan)
