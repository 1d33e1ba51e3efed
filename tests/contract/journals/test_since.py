"""An append on condition that nobody decided since: what every journal promises, however many try at once."""

import threading

import pytest

from runbook_engine.model.counted import DECISIVE
from runbook_engine.model.errors import OvertakenError
from runbook_engine.model.event import EVENT, AttemptStarted, HoldResolved, NoteAdded, RunContinued, RunPaused


def test_what_answers_go_by_refuses_and_anything_else_does_not(journal, opening, actor):
    seq = journal.open_run("r1", opening, actor).seq
    journal.append("r1", [NoteAdded(text="n")], actor)
    (paused,) = journal.append("r1", [RunPaused()], actor, since=seq)
    with pytest.raises(OvertakenError):
        journal.append("r1", [RunContinued()], actor, since=seq)
    assert journal.version("r1") == paused.seq
    journal.append("r1", [RunContinued()], actor, since=paused.seq)
    journal.append("r1", [RunPaused()], actor)  # without a condition nothing is asked
    assert journal.verify("r1") == []


def test_a_task_that_went_on_refuses_a_decision_about_it_and_about_no_other(journal, opening, actor):
    seq = journal.open_run("r1", opening, actor).seq
    journal.append("r1", [AttemptStarted(task="a@h", number=2, token="t")], actor)
    decision = HoldResolved(task="a@h", decision="skip", reason="known", number=1)
    with pytest.raises(OvertakenError):
        journal.append("r1", [decision], actor, since=seq)
    journal.append("r1", [decision.model_copy(update={"task": "b@h"})], actor, since=seq)
    assert journal.verify("r1") == []


def test_of_many_at_once_one_is_accepted(open_again, opening, actor):
    first = open_again()
    seq = first.open_run("r1", opening, actor).seq
    journals = [open_again() for _ in range(6)]
    begin, outcomes = threading.Barrier(len(journals)), []

    def answer(journal):
        begin.wait(60)
        try:
            journal.append("r1", [RunPaused()], actor, since=seq)
            outcomes.append("accepted")
        except OvertakenError:
            outcomes.append("refused")

    threads = [threading.Thread(target=answer, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(outcomes) == ["accepted", *["refused"] * 5]
    assert [stored.event.kind for stored in first.read("r1")] == ["run.opened", "run.paused"]


def test_the_kinds_that_are_decided_by_are_kinds():
    kinds = EVENT.json_schema()["discriminator"]["mapping"].keys()
    assert kinds >= DECISIVE
