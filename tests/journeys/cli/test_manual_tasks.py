"""A manual task: who does it, who may say how it went, and what becomes of the run."""

import pytest
from support.at_terminal import at_terminal

BOOK = """\
runbook: byhand
steps:
  - {id: call, manual.task: {roles: [engineering], instructions: Call the provider.}}
  - {id: after, needs: [call], command.run: {argv: [touch, "@ROOT@/after"]}}
"""
TEAM = """\
roles: {director: {}, engineering: {}}
people:
  dana: {name: Dana, roles: [director]}
  eli: {name: Eli, roles: [engineering]}
"""


@pytest.fixture
def byhand(runbook):
    runbook.write("runbooks/byhand.yml", BOOK.replace("@ROOT@", str(runbook.root)))
    runbook.write("team.yml", TEAM)
    return runbook


def test_it_ends_with_4_and_goes_on_after_the_answer(byhand):
    stopped = byhand("run", "byhand", "--yes")
    run = byhand("runs", "--output", "json").json[0]["id"]
    assert stopped.status == 4
    assert f"runbook answer {run} call pass|fail --as PERSON --note TEXT" in stopped.err
    assert "call@localhost for engineering, to do by hand: Call the provider." in byhand("status").out
    wrong = byhand("answer", "last", "call", "pass", "--as", "dana")
    assert wrong.status == 1
    assert "none of the roles engineering" in wrong.err
    assert byhand("approve", "last", "call", "--as", "eli").status == 3
    assert byhand("answer", "last", "call", "maybe", "--as", "eli").status == 2
    assert byhand("answer", "last", "call", "pass", "--as", "eli", "--note", "ticket 4711").status == 0
    resumed = byhand("resume", "--yes", "--output", "json")
    assert resumed.status == 0, resumed.err
    assert [(one["said"], one["person"]) for one in resumed.json["gates"][0]["answers"]] == [
        ("refused", "dana"),
        ("passed", "eli"),
    ]
    assert (byhand.root / "after").exists()


def test_what_failed_by_hand_fails_the_run(byhand):
    byhand("run", "byhand", "--yes")
    assert byhand("answer", "last", "call", "fail", "--as", "eli", "--reason", "nobody answers").status == 0
    resumed = byhand("resume", "--yes")
    assert resumed.status == 1
    assert "nobody answers" in resumed.err
    assert not (byhand.root / "after").exists()


def test_the_person_at_the_terminal_says_how_it_went(byhand):
    shown, status = at_terminal(
        byhand, "run", "byhand", "--yes", "--as", "eli", answers=[("[p = pass", "p all is well\n")]
    )
    assert status == 0, shown
    answers = byhand("report", "last", "--format", "json").json["gates"][0]["answers"]
    assert [(one["said"], one["reason"]) for one in answers] == [("passed", "all is well")]
