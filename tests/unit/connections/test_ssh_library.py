"""paramiko is imported alone; whoever wants the runner that it knows of can still have it."""

import subprocess
import sys

import pytest

LOAD = "import sys\nfrom runbook_engine.connections.ssh_library import load_paramiko\n"


def says(code):
    done = subprocess.run([sys.executable, "-c", LOAD + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_paramiko_comes_without_the_runner_and_leaves_no_trace_of_that():
    code = "load_paramiko()\nprint('paramiko' in sys.modules, any(name.startswith('invoke') for name in sys.modules))"
    assert says(code) == "True False"


def test_the_runner_can_be_imported_afterwards():
    assert says("load_paramiko()\nload_paramiko()\nimport invoke\nprint(invoke.__name__)") == "invoke"


@pytest.mark.parametrize("first", ["invoke", "paramiko"])
def test_what_is_imported_already_stays(first):
    assert (
        says(
            f"import {first}\nmodule = sys.modules['{first}']\nload_paramiko()\nprint(module is sys.modules['{first}'])"
        )
        == "True"
    )
