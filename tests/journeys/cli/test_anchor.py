"""`runbook audit anchor`: the ends of the chains, kept where a changed journal is held against them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runbook_engine.journals.chain import seal


@pytest.fixture
def anchored(runbook, tmp_path):
    """A project with two runs, anchored after each."""
    place = str(tmp_path / "anchors.jsonl")
    for _ in range(2):
        assert runbook("run", "restore-settings", "--yes").status == 0
        done = runbook("audit", "anchor", "--to", place, "--as", "dana", "--output", "json")
        assert done.status == 0, done.err
    runbook.place = place
    return runbook


@pytest.fixture
def runbook(runbook):
    return Project(runbook)


class Project:
    """The command line, with a place for anchors."""

    place = ""

    def __init__(self, runbook) -> None:
        self._runbook = runbook
        self.root = runbook.root

    def __call__(self, *words):
        return self._runbook(*words)

    def journal(self):
        return sqlite3.connect(self.root / ".runbook/journal.db")


def test_only_what_grew_is_added_and_all_is_compared(anchored):
    newest, oldest = (run["id"] for run in anchored("runs", "--output", "json").json)
    first, second = map(json.loads, Path(anchored.place).read_text().splitlines())
    assert (list(first["heads"]), list(second["heads"])) == ([oldest], [newest])
    assert (first["by"]["name"], first["runs"], second["runs"]) == ("dana", 1, 2)
    done = anchored("audit", "verify", "--anchor", anchored.place, "--output", "json")
    assert (done.status, done.json["intact"], done.json["anchors"]) == (0, True, 2)
    assert anchored("run", "restore-settings", "--yes").status == 0
    told = anchored("audit", "verify", "--anchor", anchored.place)
    assert (told.status, "as it was anchored 2 times" in told.out) == (0, True)


def test_a_tail_that_was_cut_off_with_all_traces_is_seen_by_the_anchor_alone(anchored):
    run = anchored("runs", "--output", "json").json[0]["id"]
    with closing(anchored.journal()) as journal, journal:
        (last,) = journal.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()
        journal.execute("DELETE FROM events WHERE run = ? AND seq = ?", (run, last))
        (head,) = journal.execute("SELECT hash FROM events WHERE run = ? AND seq = ?", (run, last - 1)).fetchone()
        journal.execute(
            "UPDATE runs SET head_seq = ?, head_hash = ?, status = 'open', closed_at = NULL WHERE id = ?",
            (last - 1, head, run),
        )
    alone = anchored("audit", "verify")
    assert (alone.status, alone.out.startswith("intact")) == (0, True), "the chain alone can't see it"
    done = anchored("audit", "verify", "--anchor", anchored.place)
    assert (done.status, "its end was cut off" in done.out) == (6, True), done.out
    refused = anchored("audit", "anchor", "--to", anchored.place)
    assert (refused.status, "is not the one that was anchored" in refused.err) == (6, True)


def test_a_chain_that_was_computed_anew_is_seen_by_the_anchor_alone(anchored):
    run = anchored("runs", "--output", "json").json[0]["id"]
    with closing(anchored.journal()) as journal, journal:
        rows = journal.execute(
            "SELECT seq, time, actor, body, previous FROM events WHERE run = ? ORDER BY seq", (run,)
        ).fetchall()
        previous = rows[0][4]
        for seq, time, actor, body, _ in rows:
            forged = body.replace('"mode":"live"', '"mode":"drill"')
            digest = seal(run, seq, time, actor, forged, previous)
            values = (forged, previous, digest, run, seq)
            journal.execute("UPDATE events SET body = ?, previous = ?, hash = ? WHERE run = ? AND seq = ?", values)
            previous = digest
        journal.execute("UPDATE runs SET head_hash = ?, mode = 'drill' WHERE id = ?", (previous, run))
    assert anchored("audit", "verify").status == 0, "the chain alone can't see it"
    done = anchored("audit", "verify", "--anchor", anchored.place)
    assert (done.status, "it was written anew" in done.out) == (6, True), done.out


def test_a_line_that_a_power_cut_ended_is_no_anchor_and_in_nobodys_way(anchored):
    with Path(anchored.place).open("a") as file:
        file.write('{"format":"runbook-anchor/1","at":"20')
    assert anchored("audit", "verify", "--anchor", anchored.place).status == 0
    assert anchored("audit", "anchor", "--to", anchored.place).status == 0
    assert len(list(map(json.loads, Path(anchored.place).read_text().splitlines()))) == 3


def test_a_damaged_line_is_damage(anchored):
    text = Path(anchored.place).read_text()
    Path(anchored.place).write_text(text.replace("runbook-anchor", "runbook-anchxr", 1))
    for words in (("verify", "--anchor"), ("anchor", "--to")):
        done = anchored("audit", *words, anchored.place)
        assert (done.status, "line 1: is damaged" in done.err) == (6, True), done.err


def test_a_journal_that_was_removed_is_seen_by_its_anchor(anchored):
    runs = [run["id"] for run in anchored("runs", "--output", "json").json]
    for file in (anchored.root / ".runbook").glob("journal.db*"):
        file.unlink()
    assert anchored("audit", "verify").status == 0, "without an anchor it looks as before the first run"
    gone = anchored("audit", "verify", "--anchor", anchored.place)
    assert gone.status == 6
    assert "2 runs were opened when it was anchored" in gone.out
    assert all(f"run {run}: anchor: was anchored, and is not there any more" in gone.out for run in runs)
    one = anchored("audit", "verify", runs[0], "--anchor", anchored.place, "--output", "json")
    assert (one.status, one.json["intact"]) == (6, False)
    assert [damage["run"] for damage in one.json["damages"]] == ["", runs[0]]


def test_mistakes_are_told(runbook, tmp_path):
    assert runbook("run", "restore-settings", "--yes").status == 0
    strange = tmp_path / "strange"
    strange.write_text("no anchor\n")
    for words, status, said in [
        (("verify", "--anchor", str(tmp_path / "none")), 2, "there is no anchor"),
        (("verify", "--anchor", str(strange)), 1, "is no anchor of a journal"),
        (("anchor", "--to", str(strange)), 1, "is no anchor of a journal"),
        (("anchor", "--to", "no/such/folder/x"), 2, "can't be written"),
        (("anchor", "--to", "ftp://x"), 2, "is no place for anchors"),
        (("anchor", "--to", "s3://"), 2, "names no bucket"),
        (("anchor", "--to", "x", "--retain", "soon"), 2, "is not a duration"),
    ]:
        done = runbook("audit", *words)
        assert (done.status, said in done.err) == (status, True), (words, done.err)


@pytest.mark.parametrize("column", ["opened_at", "closed_at"])
def test_a_time_that_is_none_any_more_is_named_itself(anchored, column):
    run = anchored("runs", "--output", "json").json[0]["id"]
    with closing(anchored.journal()) as journal, journal:
        journal.execute(f"UPDATE runs SET {column} = 'nonsense' WHERE id = ?", (run,))
    for words in ((), (run,), ("--anchor", anchored.place)):
        told = anchored("audit", "verify", *words)
        assert (told.status, f"is listed with {column} 'nonsense'" in told.out) == (6, True), (told.out, told.err)
        assert "runbook audit verify" not in told.out + told.err
    found = anchored("audit", "verify", "--output", "json")
    assert (found.status, found.json["intact"], found.json["runs"]) == (6, False, None)
    assert [one["run"] for one in found.json["damages"]] == [run]
    assert "can't be compared with its anchors" in anchored("audit", "verify", "--anchor", anchored.place).out
