"""The command line of the journeys and the PostgreSQL server of the contract tests, here too."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from runbook_engine.app.init import init_project


def _module(place):
    path = Path(__file__).parents[1] / place / "conftest.py"
    spec = importlib.util.spec_from_file_location(place.replace("/", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def runbook(tmp_path):
    init_project(tmp_path / "project", person="dana")
    return _module("journeys/cli").CommandLine(tmp_path / "project")


@pytest.fixture(scope="session")
def postgres():
    server = _module("contract/journals").start_postgres()
    yield server
    server.stop()
    shutil.rmtree(server.folder)
