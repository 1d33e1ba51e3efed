"""The page that goes through the policy names what exists, and leaves out no shipped runbook."""

import re
from pathlib import Path

import yaml

from runbook_engine.cli.group import COMMANDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/policy.md").read_text()
RUNBOOKS = sorted((ROOT / "runbooks").glob("*.yml"))


def test_every_test_and_runbook_that_it_names_exists():
    named = re.findall(r"`((?:tests|runbooks)/[\w./-]+)`", PAGE)
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_shipped_runbook_that_keeps_a_demand_is_named():
    keeping = [path for path in RUNBOOKS if yaml.safe_load(path.read_text()).get("policy")]
    assert len(keeping) > 8
    assert [path.name for path in keeping if f"runbooks/{path.name}`" not in PAGE] == []


def test_every_command_that_it_names_exists():
    assert set(re.findall(r"`runbook ([a-z]+)", PAGE)) - COMMANDS.keys() == set()
