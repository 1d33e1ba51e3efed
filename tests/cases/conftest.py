"""Finds the built-in actions by looking through their package, and the shipped plugins' by their door."""

import importlib
import pkgutil

import pytest
from support.plugins import plugin_catalog

import runbook_engine.actions
from runbook_engine.sdk import Action


def find_actions():
    found = {}
    for info in pkgutil.walk_packages(runbook_engine.actions.__path__, "runbook_engine.actions."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Action) and value.__module__ == module.__name__:
                found[value.name] = value()
    plugins = plugin_catalog()
    return found | {name: plugins.get(name) for name in plugins.names() if name not in found}


@pytest.fixture(scope="session")
def built_in_actions():
    return find_actions()
