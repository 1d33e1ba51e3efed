"""Loads runbooks and inventories from text, through the real loaders."""

from pathlib import Path
from textwrap import dedent

from runbook_engine.discovery.catalog import build_catalog
from runbook_engine.loading.inputs import complete_inputs, read_inputs
from runbook_engine.loading.inventory.load import load_inventory
from runbook_engine.loading.runbook import LoadedRunbook, load_runbook
from runbook_engine.model.config import Limits
from runbook_engine.model.inventory import Inventory
from runbook_engine.planning.make_plan import PlanResult, make_plan

CATALOG, _ = build_catalog([])


def write_runbook(folder: Path, text: str, name: str = "book") -> Path:
    path = folder / f"{name}.yml"
    path.write_text(dedent(text))
    return path


def load(folder: Path, text: str, name: str = "book") -> LoadedRunbook:
    """A runbook of this text; the head `runbook: NAME` is added when it lacks."""
    text = dedent(text)
    if "runbook:" not in text:
        text = f"runbook: {name}\n{text}"
    path = write_runbook(folder, text, name)
    return load_runbook(path, project=folder, limits=Limits(), action_names=CATALOG.names())


def inventory(folder: Path, text: str) -> Inventory:
    path = folder / "hosts.ini"
    path.write_text(dedent(text))
    loaded = load_inventory([path], name="test", project=folder, limits=Limits())
    assert loaded.inventory is not None, loaded.diagnostics
    return loaded.inventory


def plan(folder: Path, text: str, hosts: str = "", given: list[str] | None = None, **options) -> PlanResult:
    """The plan of a runbook, which must load without findings."""
    loaded = load(folder, text)
    assert loaded.runbook is not None, loaded.diagnostics
    inputs, problems = read_inputs(loaded.runbook, given or [], project=folder, limits=Limits())
    assert not problems
    return make_plan(loaded, inventory(folder, hosts), inputs, CATALOG, read_inputs=complete_inputs, **options)
