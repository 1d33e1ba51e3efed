"""The threat model names for each protection the test that shows it, and says of each part what does not protect."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
PARTS = [
    part
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    if "| protects | shown by |" in part
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.splitlines()[0])
def test_each_protection_is_shown_by_a_test_and_each_gap_is_told(part):
    _head, _line, *rows = [line for line in part.splitlines() if line.startswith("|")]
    assert rows
    for row in rows:
        shown = re.findall(r"\]\(((?:\.\./)+tests/[^)]+)\)", row.split("|")[2])
        assert shown, f"no test shows: {row}"
        assert not [path for path in shown if not (PAGE.parent / path).resolve().is_file()], row
    assert "**Does not protect:**" in part


def test_every_part_that_people_write_or_reach_is_there():
    names = {part.splitlines()[0] for part in PARTS}
    assert names == {
        "A runbook",
        "A playbook to import, a bundle to check",
        "An inventory",
        "A target",
        "A worker",
        "The dashboard",
        "The journal",
        "A plugin",
        "CI",
        "Version control",
    }
