"""Finds the built-in actions by looking through their package, as the catalogue's entry points name them."""

import importlib
import pkgutil

import pytest

import runbook_engine.actions
from runbook_engine.sdk import Action


def find_actions():
    found = {}
    for info in pkgutil.walk_packages(runbook_engine.actions.__path__, "runbook_engine.actions."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Action) and value.__module__ == module.__name__:
                found[value.name] = value()
    return found


@pytest.fixture(scope="session")
def built_in_actions():
    return find_actions()
