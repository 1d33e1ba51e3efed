"""Findings that a comment accepts with a reason."""

import pytest

from runbook_engine.loading.accepted import accept
from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Location
from runbook_engine.model.rules import diagnostic


def left(text, *found):
    source = read_yaml(text, file="x.yml", limits=Limits()).sources
    some = [diagnostic(rule, Location(file="x.yml", line=line, column=1), "m") for rule, line in found]
    return [(item.rule, item.location.line, item.message) for item in accept(some, {"x.yml": source})]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1 # runbook: ignore RB231 because\n",
        "# runbook: ignore RB231 because\na: 1\n",
        "# runbook: ignore RB231 because\n# of what\na: 1\n",
        "# runbook: ignore RB231 because\n# runbook: ignore RB230 also\na: 1\n",
    ],
)
def test_a_reason_takes_the_warning_back(text):
    line = text.count("\n", 0, text.index("a: 1")) + 1
    found = [("RB231", line), ("RB230", line)] if "RB230" in text else [("RB231", line)]
    assert left(text, *found) == []


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("RB231", "RB231 is to be ignored, and nobody says why"),
        ("RB999 because", 'there is no rule "RB999"'),
        ("", "the comment names no rule"),
        ("RB201 because", "RB201 can't be accepted, only put right"),
        ("RB240 because", "RB240 can't be accepted, only put right"),
        ("RB230 because", "there is no finding of RB230 in line 1"),
    ],
)
def test_a_comment_that_accepts_nothing_is_a_finding(comment, message):
    found = left(f"a: 1 # runbook: ignore {comment}\n", ("RB231", 1))
    assert [rule for rule, _, _ in found] == ["RB231", "RB240"]
    assert found[1][2].replace("'", '"') == message.replace("'", '"')


def test_another_line_is_not_meant():
    found = left("a: 1 # runbook: ignore RB231 because\nb: 2\n", ("RB231", 2))
    assert [(rule, line) for rule, line, _ in found] == [("RB231", 2), ("RB240", 1)]


def test_an_error_is_never_taken_back():
    found = left("a: 1 # runbook: ignore RB202 because\n", ("RB202", 1))
    assert [rule for rule, _, _ in found] == ["RB202", "RB240"]


@pytest.mark.parametrize("text", ["a: |\n  x # runbook: ignore RB231 y\n", 'a: "x\n  # runbook: ignore RB231 y"\n'])
def test_a_text_is_no_comment(text):
    assert left(text, ("RB231", 2)) == [("RB231", 2, "m")]


def test_a_comment_after_a_text_of_many_lines_is_one():
    assert left("a: |\n  x\nb: 1 # runbook: ignore RB231 y\n", ("RB231", 3)) == []
