"""`runbook explain`: every rule has a page."""

import json

import pytest
from click.testing import CliRunner

from runbook_engine.cli.commands.explain import explain
from runbook_engine.model.errors import UsageError
from runbook_engine.model.rules import RULES


def called(*words):
    return CliRunner().invoke(explain, words, catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_says_what_is_bad_and_what_is_good(rule):
    page = called(rule.lower()).output
    assert page.startswith(f"{rule} ({RULES[rule].severity.value}): {RULES[rule].title}\n\n")
    assert "Good:" in page or "Do:" in page, page


def test_all_are_listed():
    listed = json.loads(called("--output", "json").output)
    assert [one["id"] for one in listed] == sorted(RULES)
    assert all(rule in called().output for rule in RULES)


def test_an_unknown_one_is_a_mistake():
    with pytest.raises(UsageError, match="there is no rule 'RB999'"):
        called("RB999")
