"""Following a run that another process drives: what is told, and what counts as its end."""

import pytest

from runbook_engine.app.follow import follow
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.event import (
    INTERRUPTED,
    Actor,
    AttemptFinished,
    AttemptStarted,
    LeaseLost,
    LeaseTaken,
    NoteAdded,
    RunClosed,
    RunOpened,
)
from runbook_engine.ports.live import PROGRESS, Tail
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


def test_what_running_attempts_put_out_last_is_told_once_and_nothing_of_those_that_ended(journal):
    lease, said = take(journal), []

    def begin(*numbers):
        started = [AttemptStarted(task="a@h", number=one, token="t", parameters="p") for one in numbers]
        journal.append(RUN, started, ENGINE, lease=lease)

    def show(words, number, stream="stdout"):
        journal.show([Tail(RUN, "a@h", number, stream, words, len(words))], lease)

    def first():
        begin(1)
        show(b"left by who was killed\n", 1)
        begin(2)

    def second():
        show(b"table 1\r 40 %\r 50 %\n\n", 2)
        show(b"careful\n", 2, "stderr")

    def end():
        journal.append(RUN, [AttemptFinished(task="a@h", number=2, outcome="changed")], ENGINE, lease=lease)
        journal.append(RUN, [RunClosed(status="succeeded")], ENGINE, lease=lease)

    clock = DrivenClock(first, second, lambda: None, lambda: show(b"says so itself", 2, PROGRESS), end)
    follow(journal, RUN, clock, lambda _: None, print, said.append)
    assert [(one.task, one.number, one.text) for one in said] == [("a@h", 2, "50 %"), ("a@h", 2, "says so itself")]


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
