"""A file of mistakes is told of by its first thousand, and the rest is never made."""

import pytest

from runbook_engine.loading.bounded import MOST_FINDINGS, bounded
from runbook_engine.loading.cases import load_cases
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.loading.team import load_team
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Location
from runbook_engine.model.rules import diagnostic

MANY = range(MOST_FINDINGS + 500)
KEYS = "".join(f"k{number}: 1\n" for number in MANY)
STEP = "runbook: f\nsteps:\n  - id: a\n"
CASE = "  - {name: same, expect: {status: succeeded}}\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"runbook: f\nsteps: []\n{KEYS}", "RB102"),
        (STEP + "".join(f"    k{number}: 1\n" for number in MANY), "RB102"),
        (STEP + "".join(f"    a.k{number}: {{}}\n" for number in MANY), "RB108"),
        ("runbook: f\nsteps:\n" + "".join(f"  - {{id: s{number}, akt: {{}}}}\n" for number in MANY), "RB102"),
        ("runbook: f\nsteps:\n" + "  - 5\n" * len(MANY), "RB104"),
    ],
)
def test_of_a_runbook(tmp_path, text, rule):
    (tmp_path / "f.yml").write_text(text)
    found = load_runbook(
        tmp_path / "f.yml", project=tmp_path, limits=Limits(), action_names=["command.run"]
    ).diagnostics
    _told(found, rule)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (KEYS, "RB102"),
        ("people:\n" + "".join(f"  p{number}: {{name: P, roles: [nobody]}}\n" for number in MANY), "RB401"),
    ],
)
def test_of_a_team(tmp_path, text, rule):
    (tmp_path / "team.yml").write_text(text)
    _told(load_team(tmp_path / "team.yml", Limits()).diagnostics, rule)


@pytest.mark.parametrize(("text", "rule"), [(KEYS, "RB102"), (CASE * len(MANY), "RB104")])
def test_of_cases(tmp_path, text, rule):
    (tmp_path / "f.yml").write_text(f"runbook: f\ninventory: local\ncases:\n{text}" if text[0] == " " else text)
    _told(load_cases(tmp_path / "f.yml", shown_as="f.yml", limits=Limits()).diagnostics, rule)


def test_nothing_is_said_of_exactly_as_many():
    one = diagnostic("RB102", Location(file="f"), "unknown")
    assert bounded([one] * MOST_FINDINGS) == [one] * MOST_FINDINGS


def _told(found, rule):
    rules = [one.rule for one in found]
    assert MOST_FINDINGS // 2 <= rules.count(rule) <= MOST_FINDINGS
    assert len(rules) <= MOST_FINDINGS + 5
    assert rules.count("RB018") == 1
    assert next(one for one in found if one.rule == "RB018").location.line > 1
