"""What is told of a run with `--quiet`, and as JSON lines."""

import json

import pytest

FAILING = """\
runbook: broken
title: One part fails
steps:
  - {id: well, assert.that: {that: ["true"]}}
  - {id: badly, assert.that: {that: ["1 == 2"]}}
  - {id: after, needs: [badly], assert.that: {that: ["true"]}}
"""


def test_of_a_run_that_goes_well_only_the_result_is_told(runbook):
    done = runbook("run", "restore-settings", "--yes", "--quiet")
    assert (done.status, done.err) == (0, "")
    assert "SUCCEEDED" in done.out
    again = runbook("watch", "last", "-q")
    assert (again.status, again.err) == (0, "")
    as_json = runbook("run", "restore-settings", "--yes", "-q", "--output", "json")
    assert as_json.err == ""
    assert as_json.json["status"] == "succeeded"


def test_what_fails_and_what_to_do_about_it_is_told_all_the_same(runbook):
    runbook.write("runbooks/broken.yml", FAILING)
    done = runbook("run", "broken", "--yes", "--quiet")
    assert done.status == 1
    assert "badly@localhost" in done.err
    assert "after@localhost" in done.err
    assert "well@localhost" not in done.err
    assert "runbook resume" in done.err
    resumed = runbook("resume", "last", "--yes", "-q")
    assert resumed.status == 1
    assert "well@localhost" not in resumed.err


def test_who_is_waited_for_is_told(runbook):
    done = runbook("run", "restore-settings", "-e", "ask=true", "--yes", "--quiet")
    assert done.status == 4
    assert "waits" in done.err
    assert "runbook approve" in done.err


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_json_lines_are_the_events_in_order_and_nothing_else(runbook, quiet):
    done = runbook("run", "restore-settings", "--yes", "--output", "ndjson", *quiet)
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))
    assert (told[0]["event"]["kind"], told[-1]["event"]["kind"]) == ("run.opened", "run.closed")
    watched = runbook("watch", "last", "--output", "ndjson", *quiet)
    assert [json.loads(line) for line in watched.out.splitlines()] == told
    logged = runbook("audit", "log", "last", "--output", "ndjson")
    assert [json.loads(line) for line in logged.out.splitlines()] == told
