"""From names on the command line to a plan: load, check, resolve."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_engine.app.ec2 import ec2_reader
from runbook_engine.app.limit import read_limit
from runbook_engine.app.project import InvalidFilesError, OpenProject
from runbook_engine.app.queues import queue_problems
from runbook_engine.app.source_maps import source_maps
from runbook_engine.app.used_files import used_files
from runbook_engine.execution.orders import Past
from runbook_engine.loading.collector import collector_paused
from runbook_engine.loading.inputs import complete_inputs, read_inputs
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.loading.runbook import LoadedRunbook, load_runbook
from runbook_engine.model.diagnostic import Diagnostic, has_errors
from runbook_engine.model.errors import UsageError
from runbook_engine.model.inventory import LOCALHOST, Group, Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.model.plan import Plan
from runbook_engine.planning.lint import lint
from runbook_engine.planning.make_plan import make_plan


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be planned.

    Attributes:
        runbook: name or path.
        inventories: names, files or folders; none for the project's default.
        extra_vars: `name=value` and `@file.yml`, in the order given.
        inputs: complete inputs of an earlier run, in place of `extra_vars`.
        from_run: what is known of a run of another runbook, for the input of type `run`.
        limit_hosts: what the limit stood for in an earlier run; it is not looked up again then.
    """

    runbook: str
    inventories: tuple[str, ...] = ()
    extra_vars: tuple[str, ...] = ()
    limit: str | None = None
    inputs: JsonObject | None = None
    from_run: JsonObject | None = None
    limit_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedPlan:
    """A plan and what it was made from.

    Attributes:
        limit_hosts: what a limit with `@` in it stood for.
        notes: what people should know of the plan, although nothing is wrong.
        past: the run that the plan takes back; None for any other plan.
        loaded: the file that the plan was made from, with its places.
        files: SHA-256 of all that was read, and of what its steps will read, by path.
        step_files: those of them that only its steps read: scripts, templates, files to copy.
    """

    plan: Plan
    path: Path
    inventory_paths: tuple[Path, ...]
    warnings: list[Diagnostic] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=dict)
    limit_hosts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    past: Past | None = None
    loaded: LoadedRunbook | None = None
    step_files: tuple[str, ...] = ()


@collector_paused()
def prepare_plan(project: OpenProject, request: PlanRequest) -> PreparedPlan:
    """Load a runbook and its inventory, check both, and make the plan.

    Raises:
        InvalidFilesError: something is not valid; has every finding.
        InvalidInputError: a name leads nowhere.
        UsageError: the limit leaves no target.
    """
    path = project.runbook_path(request.runbook)
    catalog, plugin_findings = project.actions
    loaded = load_runbook(path, project=project.root, limits=project.config.limits, action_names=catalog.names())
    sources = source_maps(loaded)
    # A plugin that is broken stops nobody who does not use it: its actions are missing (RB201), and it is told.
    found = list(loaded.diagnostics)
    inventory, paths, inventory_findings = read_inventory(project, request.inventories)
    found += inventory_findings
    runbook = loaded.runbook
    known = [inventory] if inventory else []
    found += lint(loaded.for_lint(), catalog, team=project.team, inventories=known, defaults=project.config.defaults)
    if runbook is None or inventory is None or has_errors(found):
        raise InvalidFilesError(_summary(found, request.runbook), [*plugin_findings, *found], sources)
    inputs = request.inputs
    if inputs is None:
        inputs, problems = read_inputs(
            runbook,
            request.extra_vars,
            project=project.root,
            limits=project.config.limits,
            from_run=request.from_run,
        )
        found += problems
    if has_errors(found):
        raise InvalidFilesError(_summary(found, request.runbook), [*plugin_findings, *found], sources)
    limited = read_limit(project, inventory, runbook.name, request.limit, known=request.limit_hosts)
    result = make_plan(loaded, inventory, inputs, catalog, limit=limited.limit, read_inputs=complete_inputs)
    found += result.diagnostics
    if result.plan is not None:
        names = dict.fromkeys(name for step in result.plan.steps for name in step.targets)
        found += queue_problems(project, inventory, map(result.plan.target, names))
    if result.plan is None or has_errors(found):
        raise InvalidFilesError(_summary(found, request.runbook), [*plugin_findings, *found], sources)
    implicit = {LOCALHOST} - inventory.targets.keys()
    if request.limit is not None and not any(set(step.targets) - implicit for step in result.plan.steps):
        raise UsageError(f"--limit {request.limit} leaves no target of the inventory")
    warnings = [*plugin_findings, *found]
    read = {**runbook.files, **inventory.files}
    used = used_files(project, result.plan)
    return PreparedPlan(
        result.plan,
        path,
        tuple(paths),
        warnings,
        {**used, **read},
        limited.hosts,
        limited.notes,
        loaded=loaded,
        step_files=tuple(sorted(used.keys() - read.keys())),
    )


def read_inventory(
    project: OpenProject, names: tuple[str, ...]
) -> tuple[Inventory | None, list[Path], list[Diagnostic]]:
    """Load the inventory that was named (or the default); without any, one that has only localhost."""
    paths = project.inventory_paths(names)
    if not paths:
        empty = {name: Group(name=name) for name in ("all", "ungrouped")}
        return Inventory(name="localhost", targets={}, groups=empty), [], []
    name = "+".join(path.name for path in paths)
    loaded = load_inventory(paths, name=name, project=project.root, limits=project.config.limits, describe=ec2_reader())
    return loaded.inventory, paths, list(loaded.diagnostics)


def _summary(found: list[Diagnostic], name: str) -> str:
    errors = [item for item in found if item.severity == "error"]
    first = f": {errors[0].location}: {errors[0].message}" if errors else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{name} can't be run{first}{more}"
