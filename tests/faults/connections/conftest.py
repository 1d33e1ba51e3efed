"""The real sshd of the contract tests, here too."""

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[2] / "contract" / "connections" / "conftest.py"
_spec = importlib.util.spec_from_file_location("connections_sshd", _PATH)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def sshd_tools():
    if _module.SSHD is None:
        pytest.skip("no sshd: install openssh-server")
    return _module
