"""Pruning: a run's events go, and what is left proves that they went on purpose."""

import hashlib
import threading

import pytest

from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import ExitCode, JournalError, PrunedRunError
from runbook_engine.model.event import Actor, AttemptFinished, LeaseTaken, NoteAdded, RunClosed
from runbook_engine.model.outcome import Outcome

pytestmark = pytest.mark.owner

ERIN = Actor(name="erin", os_user="erin", host="desk")


@pytest.fixture
def run(journal, opening, actor):
    """Give a function that makes a run with events, output, and an end."""

    def made(name, status="succeeded"):
        journal.open_run(name, opening, actor)
        out = {"stdout": b"x" * 1000, "stderr": b""}
        digests = {stream: hashlib.sha256(data).hexdigest() for stream, data in out.items()}
        end = AttemptFinished(task="a@h", number=1, outcome=Outcome.CHANGED, output_digest=digests)
        journal.append(name, [NoteAdded(text="begin"), end], actor, outputs={("a@h", 1): out})
        if status is not None:
            journal.append(name, [RunClosed(status=status, rta=12.5, counts={Outcome.CHANGED: 1})], actor)

    return made


def test_a_pruned_run_stays_listed_and_its_events_are_gone(journal, run):
    run("r1")
    run("r2")
    before = journal.head("r1")
    pruning = journal.prune("r1", ERIN, "older than 400d")
    assert (pruning.run, pruning.actor, pruning.reason) == ("r1", ERIN, "older than 400d")
    assert (pruning.events, pruning.outputs, pruning.output_bytes) == (4, 2, 1000)
    assert journal.prunings() == [pruning]
    after = journal.head("r1")
    assert after.pruned
    assert (after.status, after.events, after.head_hash) == ("succeeded", 4, before.head_hash)
    assert [(head.id, head.pruned) for head in journal.runs()] == [("r2", False), ("r1", True)]
    for ask in (
        lambda: list(journal.read("r1")),
        lambda: journal.output("r1", "a@h", 1),
        lambda: journal.tally("r1"),
        lambda: journal.append("r1", [NoteAdded(text="late")], ERIN),
        lambda: journal.prune("r1", ERIN, "again"),
    ):
        with pytest.raises(PrunedRunError, match=r"pruned by erin on .* \(older than 400d\): its 4 events") as caught:
            ask()
        assert caught.value.exit_code == ExitCode.USAGE
    assert [stored.seq for stored in journal.read("r2")] == [1, 2, 3, 4]


def test_a_journal_with_pruned_runs_verifies_whole_and_run_by_run(journal, opening, actor, run, open_again):
    for name in ("r1", "r2", "r3"):
        run(name)
    journal.prune("r2", ERIN, "")
    run("r4")
    journal.prune("r1", ERIN, "")
    journal.prune("r3", ERIN, "")
    opened = journal.open_run("r5", opening, actor)
    again = open_again()
    assert again.verify() == []
    assert [again.verify(name) for name in ("r1", "r2", "r3", "r4", "r5")] == [[]] * 5
    assert [pruning.run for pruning in again.prunings()] == ["r2", "r1", "r3"]
    assert opened.event.previous_pruning == again.prunings()[-1].hash
    assert next(again.read("r4")).event.previous_pruning == again.prunings()[0].hash


def test_a_run_may_be_pruned_whose_notes_came_after_its_end(journal, run, actor):
    run("r1", "failed")
    journal.append("r1", [LeaseTaken(holder="x", fence=1), NoteAdded(text="n"), RunClosed(status="aborted")], actor)
    journal.append("r1", [NoteAdded(text="after the end")], actor)
    run("r2")
    journal.prune("r1", ERIN, "")
    assert journal.verify() == []
    assert journal.head("r1").status == "aborted"


@pytest.mark.parametrize(("status", "problem"), [(None, "not over"), ("succeeded", "newest")])
def test_what_must_stay_is_refused(journal, run, status, problem):
    if status is None:
        run("r1", None)
        run("r2")
    else:
        run("r1")
    with pytest.raises(JournalError, match=problem):
        journal.prune("r1", ERIN, "")
    assert journal.prunings() == []
    assert len(list(journal.read("r1"))) >= 3
    assert journal.verify() == []


def test_a_run_that_is_unknown_is_said_so(journal, run):
    run("r1")
    with pytest.raises(JournalError, match="knows no run r9"):
        journal.prune("r9", ERIN, "")


def test_two_who_prune_the_same_run_prune_it_once(journal, run, open_again):
    run("r1")
    run("r2")
    ends = []

    def prune(mine):
        try:
            ends.append(mine.prune("r1", ERIN, "").run)
        except PrunedRunError:
            ends.append("pruned already")

    threads = [threading.Thread(target=prune, args=(open_again(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["pruned already"] * 3 + ["r1"]
    assert journal.verify() == []


def test_compacting_changes_nothing(journal, run):
    run("r1")
    run("r2")
    journal.prune("r1", ERIN, "")
    journal.compact()
    assert journal.verify() == []
    assert len(list(journal.read("r2"))) == 4
    journal.take_lease("run:r2", this_process(), 5)
