"""`runbook forecast`: how long it will take, by what is known, and what is not known said."""

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
    "wrong", ["nosuch=2x", "restore", "restore=soon", "restore=-1x", "restore=nanx", "restore=1e9x"]
)
def test_mistakes_are_told(slow, wrong):
    done = slow("forecast", "slow", "--what-if", wrong)
    assert (done.status, f"--what-if {wrong}" in done.err) == (2, True)
