"""The PostgreSQL server of the journals' tests, here too."""

import importlib.util
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres():
    path = Path(__file__).parents[1] / "journals" / "conftest.py"
    spec = importlib.util.spec_from_file_location("journals_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.start_postgres()
    yield server
    server.stop()
    shutil.rmtree(server.folder)
