"""`runbook report`: the graph, what was proven and what not, lessons; and two runs side by side."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

BOOK = """\
runbook: recover
inputs:
  good: {type: boolean, default: true}
  all: {type: boolean, default: true}
steps:
  - id: work
    command.run: {argv: ["true"]}
  - id: verify
    needs: [work]
    assert.that: {that: ["good"], msg: "the data is not right"}
  - id: more
    needs: [work]
    when: all
    assert.that: {that: ["1 == 1"]}
  - id: tell
    needs: [verify]
    command.run: {argv: ["true"]}
"""


@pytest.fixture
def recover(runbook):
    runbook.write("runbooks/recover.yml", BOOK)
    return runbook


def section(text, title):
    found = re.search(rf"\n## {title}\n\n(.*?)(?:\n\n##|\Z)", text, re.DOTALL)
    return found.group(1) if found else ""


def test_what_was_proven_and_what_not(recover):
    assert recover("run", "recover", "--yes", "-e", "all=false").status == 0
    text = section(recover("report", "last").out, "What was proven, and what not")
    assert re.search(r"proven \| verify \|", text)
    assert re.search(r"unproven \| more \| skipped: ", text)
    assert recover("run", "recover", "--yes", "-e", "good=false").status == 1
    text = section(recover("report", "last").out, "What was proven, and what not")
    assert "unproven | verify | failed: the data is not right" in text
    assert re.search(r"unproven \| tell \| blocked: ", text)
    assert not re.search(r"\| proven \| (tell|verify)", text)


def test_a_run_that_verifies_nothing_says_so(recover):
    recover.write("runbooks/recover.yml", "runbook: recover\nsteps:\n  - id: a\n    command.run: {argv: ['true']}\n")
    assert recover("run", "recover", "--yes").status == 0
    assert "no step verifies anything" in recover("report", "last").out


def test_the_page_has_the_graph_of_the_run_also_when_the_runbook_is_gone(recover):
    assert recover("run", "recover", "--yes").status == 0
    (recover.root / "runbooks/recover.yml").unlink()
    page = recover("report", "last", "--format", "html").out
    assert "work before verify" in page
    assert page.count('<rect class="box well"') == 4
    assert "To be filled in after the run" in page


def test_two_runs_side_by_side(recover):
    assert recover("run", "recover", "--yes").status == 0
    recover.write("runbooks/recover.yml", BOOK.replace("id: more", "id: other"))
    assert recover("run", "recover", "--yes", "-e", "good=false").status == 1
    newest, oldest = (run["id"] for run in recover("runs", "--output", "json").json)
    done = recover("report", oldest, "--compare", newest, "--format", "json")
    assert done.status == 0, done.err
    told = json.loads(done.out)
    assert (told["first"], told["second"]) == (oldest, newest)
    given = {one["what"]: (one["first"], one["second"]) for one in told["given"]}
    assert given["input good"] == ("True", "False")
    assert {"plan", "file runbooks/recover.yml"} <= given.keys()
    assert "mode" not in given
    steps = {one["id"]: one for one in told["steps"]}
    assert (steps["verify"]["first"], steps["verify"]["second"], steps["verify"]["worse"]) == (
        "unchanged",
        "failed",
        True,
    )
    assert (steps["more"]["second"], steps["other"]["first"]) == ("", "")
    assert {one["what"]: (one["first"], one["second"]) for one in told["result"]}["status"] == ("succeeded", "failed")
    text = recover("report", oldest, "--compare", "last").out
    assert re.search(r"\| verify \| unchanged \| .* \| failed \| .* \| worse \|", text)
    assert recover("report", oldest, "--compare", "nosuch").status == 2
    assert recover("report", oldest, "--compare", newest, "--format", "html").status == 2


def test_a_dry_run_is_neither_better_nor_worse_than_what_was_done(recover):
    assert recover("run", "recover", "--dry-run").status == 0
    assert recover("run", "recover", "--yes").status == 0
    live, dry = (run["id"] for run in recover("runs", "--output", "json").json)
    for first, second in ((dry, live), (live, dry)):
        told = json.loads(recover("report", first, "--compare", second, "--format", "json").out)
        assert {one["first"] for one in told["steps"]} != {one["second"] for one in told["steps"]}
        assert not any(one["better"] or one["worse"] for one in told["steps"])


def test_a_run_that_was_changed_is_compared_with_nothing(recover):
    for _ in range(2):
        assert recover("run", "recover", "--yes").status == 0
    newest, oldest = (run["id"] for run in recover("runs", "--output", "json").json)
    with closing(sqlite3.connect(recover.root / ".runbook/journal.db")) as connection, connection:
        connection.execute("UPDATE runs SET mode = 'drill' WHERE id = ?", (newest,))
    done = recover("report", oldest, "--compare", newest)
    assert (done.status, newest in done.err, done.out) == (6, True, "")
    assert recover("report", oldest, "--compare", oldest).status == 0
