"""Which run is meant by `resume` without a name."""

import pytest

from runbook_engine.app.find_resumable import find_resumable
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import UsageError
from runbook_engine.model.event import Actor, RunClosed, RunOpened
from runbook_engine.ports.journal import Holder

GONE = Holder(host="elsewhere", boot="b", pid=1, started=1)
OLD, HELD, FREE = "20261121-old", "20261122-held", "20261123-free"


@pytest.fixture
def journal():
    """A failed run, one that a machine elsewhere holds, and one that nobody does."""
    made, dana = MemoryJournal(), Actor(name="dana")
    for run in (OLD, HELD, FREE):
        opened = RunOpened(runbook="failover", inventory=run, mode="live", fingerprint="f", engine_version="1")
        made.open_run(run, opened, dana)
    made.append(OLD, [RunClosed(status="failed")], dana)
    made.take_lease(f"run:{HELD}", GONE, 60)
    return made


def close(journal, *runs):
    for run in runs:
        journal.append(run, [RunClosed(status="succeeded")], Actor(name="dana"))


def test_without_a_takeover_what_somebody_holds_is_left_alone(journal):
    assert find_resumable(journal).id == FREE
    close(journal, FREE)
    assert find_resumable(journal).id == OLD


def test_a_takeover_means_the_run_that_somebody_holds_and_not_an_older_or_a_newer_one(journal):
    assert find_resumable(journal, take_over=True).id == HELD


def test_a_takeover_of_what_nobody_holds_is_a_resume(journal):
    close(journal, HELD)
    assert find_resumable(journal, take_over=True).id == FREE


def test_which_of_two_is_for_a_person_to_say(journal):
    journal.take_lease(f"run:{FREE}", GONE, 60)
    with pytest.raises(UsageError, match=f"2 runs are held by other processes: {FREE}, {HELD}") as refused:
        find_resumable(journal, take_over=True)
    assert "resume RUN --take-over" in refused.value.hint


def test_none():
    with pytest.raises(UsageError, match="no run can be resumed"):
        find_resumable(MemoryJournal(), take_over=True)
