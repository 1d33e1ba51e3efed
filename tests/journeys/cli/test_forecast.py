"""`runbook forecast`: how long it will take, by what is known, and what is not known said."""

import sqlite3
import time
from contextlib import closing

import pytest

BOOK = """\
runbook: slow
objectives: {rto: 10m}
steps:
  - id: restore
    takes: 4m
    command.run: {argv: ["true"]}
  - id: aside
    takes: 1m
    command.run: {argv: ["true"]}
  - id: deploy
    needs: [restore, aside]
    takes: 3m
    command.run: {argv: ["true"]}
"""


@pytest.fixture
def slow(runbook):
    runbook.write("runbooks/slow.yml", BOOK)
    return runbook


def forecast(project, *words):
    done = project("forecast", "slow", "--output", "json", *words)
    assert done.status == 0, done.err
    return done.json


def test_by_what_the_file_says(slow):
    told = forecast(slow)
    assert (told["p50"], told["p90"], told["runs"], told["within_rto"]) == (420.0, 420.0, 0, 1.0)
    assert (told["unknown"], told["at_most"], told["critical_path"]) == ([], None, ["restore", "deploy"])
    assert {one["id"]: one["critical"] for one in told["steps"]} == {"restore": 1.0, "aside": 0.0, "deploy": 1.0}
    assert "forecast: 7m in half of the cases, 7m in 9 of 10, by 0 earlier runs" in slow("plan", "slow").out
    text = slow("forecast", "slow").out
    assert "7m in half of the cases" in text
    assert "critical path: restore → deploy" in text


def test_what_is_supposed(slow):
    assert forecast(slow, "--what-if", "restore=2x")["p50"] == 660.0
    assert forecast(slow, "--what-if", "aside=6m")["critical_path"] == ["aside", "deploy"]
    fails = forecast(slow, "--what-if", "restore=fails")
    assert (fails["blocked"], fails["p50"]) == (["deploy"], 240.0)
    late = slow("forecast", "slow", "--what-if", "restore=2x", "--strict")
    assert (late.status, "within the objective of 10m in 0%" in late.out) == (1, True), late.out


def test_earlier_runs_overrule_the_file(slow):
    assert slow("run", "slow", "--dry-run").status == 0
    assert forecast(slow)["runs"] == 0, "a dry run takes no time that anything could be learnt from"
    for _ in range(2):
        assert slow("run", "slow", "--yes").status == 0
    told = forecast(slow)
    assert (told["runs"], {one["source"] for one in told["steps"]}) == (2, {"history"})
    assert [one["samples"] for one in told["steps"]] == [2, 2, 2]
    assert 0 < told["p50"] <= told["p90"] < 60
    assert forecast(slow, "--runs", "1")["runs"] == 1
    assert forecast(slow) == told, "the same history gives the same forecast"


def test_what_nothing_is_known_of_is_said(slow):
    slow.write("runbooks/slow.yml", BOOK.replace("    takes: 3m\n", "    timeout: 5m\n"))
    told = forecast(slow)
    assert (told["unknown"], told["p50"], told["at_most"]) == (["deploy"], 240.0, 540.0)
    text = slow("forecast", "slow").out
    assert "nothing is known of deploy, which count nothing; at most 9m by their timeouts" in text


def test_a_better_guess_is_no_other_plan(slow):
    before = slow("plan", "slow", "--output", "json").json["fingerprint"]
    slow.write("runbooks/slow.yml", BOOK.replace("takes: 4m", "takes: 5m"))
    assert slow("plan", "slow", "--output", "json").json["fingerprint"] == before


@pytest.mark.parametrize(
    "wrong",
    ["nosuch=2x", "restore", "restore=soon", "restore=-1x", "restore=nanx", "restore=1e9x", "restore=٣x", "restore=٣m"],
)
def test_mistakes_are_told(slow, wrong):
    done = slow("forecast", "slow", "--what-if", wrong)
    assert (done.status, f"--what-if {wrong}" in done.err) == (2, True)


ASK = """\
runbook: slow
objectives: {rto: 10m}
inputs:
  more: {type: boolean, default: false}
steps:
  - id: declare
    gate.approval: {roles: [director], message: "go on?"}
  - id: extra
    when: more
    command.run: {argv: ["true"]}
  - id: restore
    needs: [declare]
    command.run: {argv: ["true"]}
"""


def approved_later(project):
    project.write("runbooks/slow.yml", ASK)
    assert project("run", "slow", "--yes").status == 4
    time.sleep(1.5)  # a person thinks, and nobody advances the run
    assert project("approve", "last", "declare", "--as", "dana").status == 0
    assert project("resume", "--yes").status == 0


def test_the_time_of_people_counts_though_nobody_advanced_the_run_meanwhile(slow):
    approved_later(slow)
    steps = {one["id"]: one for one in forecast(slow)["steps"]}
    assert 1.5 <= steps["declare"]["p50"] < 60
    assert (steps["declare"]["source"], steps["declare"]["samples"]) == ("history", 1)


def test_what_was_only_ever_skipped_is_not_known_and_the_objective_is_not_promised(slow):
    approved_later(slow)
    told = forecast(slow)
    assert (told["unknown"], told["within_rto"], told["within_rto_at_most"]) == (["extra"], None, 1.0)
    done = slow("forecast", "slow", "--strict")
    assert done.status == 1
    assert "in at most 100%, as far as is known, of" in done.out
    assert "by 1 earlier run\n" in done.out
    assert " 1 task\n" in done.out
    known = forecast(slow, "--what-if", "extra=1s", "--strict")
    assert (known["unknown"], known["within_rto"]) == ([], 1.0)
    assert forecast(slow, "--what-if", "extra=2x")["unknown"] == ["extra"], "twice the unknown is not known"
    assert forecast(slow, "--what-if", "declare=20m")["within_rto"] == 0.0, "missed whatever the unknown takes"


def test_what_fails_meets_no_objective(slow):
    for step in ("restore", "deploy"):  # (one that blocks others, and the last one)
        done = slow("forecast", "slow", "--what-if", f"{step}=fails", "--strict", "--output", "json")
        assert (done.status, done.json["within_rto"], done.json["fails"]) == (1, 0.0, True)
        assert "in 0% (the run would fail)" in slow("forecast", "slow", "--what-if", f"{step}=fails").out


def test_what_is_supposed_stands_in_the_table_though_it_was_measured(slow):
    assert slow("run", "slow", "--yes").status == 0
    steps = {one["id"]: one for one in forecast(slow, "--what-if", "restore=10m")["steps"]}
    assert (steps["restore"]["p50"], steps["restore"]["p90"], steps["restore"]["source"]) == (600.0, 600.0, "supposed")
    assert steps["aside"]["source"] == "history"
    assert "10m" in slow("forecast", "slow", "--what-if", "restore=10m").out


@pytest.mark.parametrize("second", ["restore=2x", "restore=3m"])
def test_suppositions_that_contradict_each_other_are_refused(slow, second):
    done = slow("forecast", "slow", "--what-if", "restore=fails", "--what-if", second)
    assert (done.status, "contradict" in done.err) == (2, True)
    assert slow("forecast", "slow", "--what-if", second, "--what-if", second).status == 0


def test_a_record_that_was_changed_is_refused(slow):
    assert slow("run", "slow", "--dry-run").status == 0
    with closing(sqlite3.connect(slow.root / ".runbook/journal.db")) as connection, connection:
        connection.execute("UPDATE runs SET mode = 'live'")
    done = slow("forecast", "slow")
    run = slow("runs", "--output", "json").json[0]["id"]
    assert (done.status, run in done.err) == (6, True)
