"""Following a run that another process drives: what is told, and what counts as its end."""

import pytest

from runbook_engine.app.follow import follow
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.event import INTERRUPTED, Actor, LeaseLost, LeaseTaken, NoteAdded, RunClosed, RunOpened
from runbook_engine.testing.clock import ManualClock

RUN = "20261123-100000-failover-aaaa"
ENGINE = Actor(kind="engine", name="engine")


class DrivenClock(ManualClock):
    """A clock by which each sleep is a turn of the process that drives the run."""

    def __init__(self, *turns):
        super().__init__()
        self.turns = list(turns)

    def sleep(self, seconds):
        super().sleep(seconds)
        if self.turns:
            self.turns.pop(0)()


class AwayJournal(MemoryJournal):
    """A journal that can't be reached while `away` is set."""

    away = False

    def lease(self, name):
        if self.away:
            raise JournalUnavailableError("the database is away")
        return super().lease(name)


@pytest.fixture
def journal():
    made = AwayJournal()
    opened = RunOpened(runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1")
    made.open_run(RUN, opened, ENGINE)
    return made


def take(journal):
    lease = journal.take_lease(f"run:{RUN}", this_process(), 60)
    journal.append(RUN, [LeaseTaken(holder="x", fence=lease.fence)], ENGINE, lease=lease)
    return lease


def followed(journal, *turns):
    told, warned = [], []
    ended = follow(journal, RUN, DrivenClock(*turns), lambda stored: told.append(stored.event.kind), warned.append)
    return ended, told, warned


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (LeaseLost(fence=1, reason=INTERRUPTED), "interrupted"),
        (LeaseLost(fence=1, reason="waits for a person: a@x"), "waiting"),
        (RunClosed(status="failed"), "failed"),
    ],
)
def test_it_ends_as_the_part_that_was_followed_did(journal, last, end):
    lease = take(journal)

    def stop():
        journal.append(RUN, [NoteAdded(text="on"), last], ENGINE, lease=lease)
        journal.release_lease(lease)

    ended, told, _ = followed(journal, lambda: None, stop)
    assert (ended.result.run, ended.result.end, ended.abandoned) == (RUN, end, False)
    assert told == ["run.opened", "lease.taken", "note.added", last.kind]


def test_a_run_that_failed_and_is_gone_on_with_is_followed_on(journal):
    first = take(journal)
    journal.append(RUN, [RunClosed(status="failed")], ENGINE, lease=first)
    journal.release_lease(first)
    second = take(journal)

    def stop():
        journal.append(RUN, [RunClosed(status="succeeded")], ENGINE, lease=second)

    ended, told, _ = followed(journal, stop)
    assert ended.result.end == "succeeded"
    assert told.count("run.closed") == 2


def test_a_process_that_died_is_told_from_one_that_stopped(journal):
    lease = take(journal)
    ended, _, _ = followed(journal, lambda: journal.release_lease(lease))
    assert (ended.result.end, ended.abandoned) == ("interrupted", True)


def test_a_journal_that_is_away_for_the_moment_is_waited_for(journal):
    lease = take(journal)

    def away():
        journal.away = True

    def back():
        journal.away = False
        journal.append(RUN, [RunClosed(status="succeeded")], ENGINE, lease=lease)

    ended, _, warned = followed(journal, away, lambda: None, back)
    assert ended.result.end == "succeeded"
    assert len(warned) == 1


def test_a_journal_that_stays_away_is_not_waited_for_without_an_end(journal):
    take(journal)
    journal.away = True
    with pytest.raises(JournalUnavailableError):
        followed(journal)
