"""`runbook runs prune`: asked first, recorded, and told apart from damage ever after."""

import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def three_runs(runbook):
    for _ in range(3):
        assert runbook("run", "restore-settings", "--yes").status == 0
    return [line["id"] for line in runbook("runs", "--output", "json").json]


def test_from_the_preview_to_the_audit(runbook, three_runs):
    _, middle, oldest = three_runs
    preview = runbook("runs", "prune", "--keep", "1", "--dry-run", "--output", "json")
    assert preview.status == 0
    assert [one["run"] for one in preview.json["would"]] == [oldest, middle]
    unasked = runbook("runs", "prune", "--keep", "1")
    assert unasked.status == 2
    assert "--yes" in unasked.err
    assert runbook("audit", "verify", "--output", "json").json["pruned"] == []

    pruned = runbook(
        "runs", "prune", "--keep", "2", "--yes", "--reason", "13 months", "--as", "dana", "--output", "json"
    )
    assert pruned.status == 0, pruned.err
    (one,) = pruned.json["pruned"]
    assert (one["run"], one["by"], one["reason"]) == (oldest, "dana", "not among the newest 2: 13 months")

    verified = runbook("audit", "verify")
    assert verified.status == 0
    assert verified.out.startswith("intact: 3 runs")
    assert f"note: {oldest} was pruned by dana" in verified.out
    listed = runbook("runs", "--output", "json").json
    assert [line["pruned"] for line in listed] == [False, False, True]
    assert "succeeded, pruned" in runbook("runs").out
    for words in (("audit", "log"), ("status",), ("report",)):
        gone = runbook(*words, oldest)
        assert gone.status == 2
        assert "was pruned by dana" in gone.err
    assert runbook("audit", "log", middle).status == 0
    assert runbook("run", "restore-settings", "--yes").status == 0
    assert runbook("audit", "verify").status == 0


def test_what_is_removed_otherwise_stays_damage(runbook, three_runs):
    oldest = three_runs[-1]
    assert runbook("runs", "prune", "--keep", "2", "--yes").status == 0
    with closing(sqlite3.connect(runbook.root / ".runbook/journal.db")) as database, database:
        database.execute("DELETE FROM prunings")
    database.close()
    verified = runbook("audit", "verify")
    assert verified.status == 6
    assert f"of {oldest}" in verified.out


def test_young_runs_and_what_failed_stay_and_wrong_words_are_refused(runbook, three_runs):
    nothing = runbook("runs", "prune", "--older-than", "1d", "--yes")
    assert (nothing.status, nothing.out) == (0, "")
    assert "nothing to prune" in nothing.err
    assert runbook("runs", "prune", "--yes").status == 2
    wrong = runbook("runs", "prune", "--older-than", "a year")
    assert wrong.status == 2
    assert "365d" in wrong.err
