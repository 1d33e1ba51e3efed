"""The project's own plugins, imported through the door that everybody's come in by."""

from functools import cache
from pathlib import Path

from runbook_engine.discovery.catalog import build_catalog
from runbook_engine.discovery.plugin_files import find_plugins, import_plugin

PLUGINS = Path(__file__).parents[2] / "plugins"


@cache
def plugin(name):
    """Give a plugin's modules by their short names: `plugin("atlassian")["client"]`."""
    found = next(item for item in find_plugins(PLUGINS) if item.path.stem == name)
    return {module.__name__.rpartition(".")[2]: module for module in import_plugin(found)}


@cache
def plugin_catalog():
    """Give the catalogue with the project's plugins; nothing of them may have been refused."""
    catalog, diagnostics = build_catalog([PLUGINS])
    assert diagnostics == []
    return catalog
