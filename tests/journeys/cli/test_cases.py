"""runbook test: cases are played by the real loop, hold what they say, and touch nothing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
BOOK = """\
runbook: book
title: A book
inputs: {count: {type: integer, default: 1}}
steps:
  - {id: ask, when: count > 1, gate.approval: {roles: [director], message: ok?}}
  - {id: probe, http.check: {url: http://127.0.0.1:9/}, retry: {attempts: 3, delay: 10m}}
  - id: change
    needs: [ask, probe]
    on_failure: hold
    command.run: {argv: [touch, "%s"]}
  - {id: use, needs: [change], command.run: {argv: [echo, "{{ steps['change'].stdout }}"]}}
  - {id: hand, needs: [use], manual.task: {roles: [engineering], instructions: look}}
"""


@pytest.fixture
def cases(runbook, tmp_path):
    """Play cases of `book` that are given as YAML; gives how the command ended."""

    def play(text, *more):
        runbook.write("runbooks/book.yml", BOOK % (tmp_path / "touched"))
        runbook.write("runbooks/tests/book.yml", f"runbook: book\ncases:\n{text}")
        return runbook("test", "book", *more)

    play.touched = tmp_path / "touched"
    return play


def problems(done):
    return {case["name"]: case["problems"] for case in done.json}


def test_what_is_expected_is_held_and_nothing_is_touched(cases, runbook):
    done = cases(
        """
  - name: all of it
    inputs: {count: "2"}
    given: {probe: {fails: not yet, times: 2}, change: {outputs: {stdout: x}}}
    answers: {ask: approve, hand: pass}
    expect:
      status: succeeded
      outcomes: {ask: unchanged, probe: unchanged, change: changed, use: changed}
      attempts: {probe: 3, change: 1}
      order: [ask, change, use, hand]
  - {name: declined, inputs: {count: 2}, answers: {ask: decline}, expect: {status: failed, not_begun: [change, use]}}
  - {name: waits, inputs: {count: 2}, expect: {status: waiting, outcomes: {ask: skipped}}}
  - {name: rehearsed, mode: dry-run, expect: {status: succeeded, outcomes: {change: would-change}}}
""",
        "--format",
        "json",
    )
    assert done.status == 1
    assert problems(done) == {
        "all of it": [],
        "declined": [],
        "waits": ["outcomes: ask@localhost is not begun, and not skipped"],
        "rehearsed": [],
    }
    assert not cases.touched.exists()
    assert runbook("runs", "--output", "json").json == []


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        ("retry", "waiting", "{change: changed, use: changed}"),
        ("skip", "failed", "{change: skipped}"),
        ("abort", "aborted", "{}"),
    ],
)
def test_people_decide_on_what_is_held(cases, answer, status, outcome):
    text = f"""
  - name: held
    given: {{change: {{fails: no, times: 1}}}}
    answers: {{change: {answer}}}
    expect: {{status: {status}, outcomes: {outcome}}}
"""
    done = cases(text, "--format", "json")
    assert (done.status, problems(done)) == (0, {"held": []})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  - {name: a, given: {chnge: {fails: x}}}\n", "chnge"),
        ("  - {name: a, expect: {outcomes: {change: chnged}}}\n", "runbooks/tests/book.yml:3:"),
        ("  - {name: a, given: {change: {fails: x, unchanged: true}}}\n", "give one of"),
        ("  - {name: a}\n  - {name: a}\n", "two cases"),
        ("  - {name: a, inputs: {count: many}}\n", "count"),
        ("  - {name: a, inputs: {count: 2}, answers: {ask: pass}}\n", "approve, decline"),
        ("  - {name: a, expect: {messages: {customers: []}}}\n", "owes"),
        ("", "cases"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(cases, text, words):
    done = cases(text)
    assert (done.status, words in done.err) == (3, True), done.err


def test_an_output_that_is_not_there_fails_the_case_as_it_would_the_run(cases):
    done = cases("  - {name: a, given: {change: {unchanged: true}}, expect: {status: waiting}}\n", "--format", "json")
    assert done.status == 0, done.out


def test_an_attempt_that_lasts_longer_than_its_timeout_fails(cases):
    """And is not waited for: 99,999 days of a simulated clock took a quarter of an hour."""
    done = cases(
        "  - {name: a, given: {change: {takes: 31m}}, answers: {change: ignore}, expect: {outcomes: {change: failed}}}\n"
        "  - {name: b, given: {change: {takes: 99999d}}, expect: {status: waiting, not_begun: [use]}}\n"
    )
    assert done.status == 0, done.out


def test_junit_tells_what_failed(cases):
    done = cases('  - {name: "a <b>", expect: {status: failed}}\n', "--format", "junit")
    suite = ET.fromstring(done.out)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite.find("testcase").get("name") == "a <b>"


def test_what_can_t_be_played_is_told_to_machines_too_and_the_others_are_played(cases, runbook):
    runbook.write("runbooks/tests/broken.yml", "runbook: book\ncases: [\n")
    text = "  - {name: good, expect: {status: waiting}}\n  - {name: strange, given: {nobody: {fails: x}}}\n"
    told = cases(text, "runbooks/tests/broken.yml", "--format", "junit")
    suite = ET.fromstring(told.out)
    assert [suite.get(each) for each in ("tests", "failures", "errors")] == ["3", "0", "2"]
    marks = {case.get("name"): [each.tag for each in case] for case in suite}
    assert marks == {"good": [], "strange": ["error"], "the file is valid": ["error"]}
    assert (told.status, "runbooks/tests/broken.yml:3:1" in told.err, "2 cases can't" in told.err) == (3, True, True)
    rows = cases(text, "runbooks/tests/broken.yml", "--format", "json").json
    assert [row["invalid"] for row in rows] == [False, True, True]
    assert any("broken.yml:3:1" in problem for row in rows for problem in row["problems"])


def test_the_cases_of_a_new_project_hold(runbook):
    done = runbook("test")
    assert (done.status, "3 cases: all as expected" in done.err) == (0, True), done.err


def test_a_project_without_cases_says_where_they_would_be(runbook):
    (runbook.root / "runbooks/tests/restore-settings.yml").unlink()
    done = runbook("test")
    assert (done.status, "runbooks/tests" in done.err) == (2, True)


def test_the_cases_of_our_own_runbooks_hold(runbook):
    done = runbook("test", cwd=REPOSITORY)
    assert done.status == 0, done.out
