"""The clocks of a recovery, read off its events."""

from datetime import timedelta

from runbook_engine.model.clocks import clocks
from runbook_engine.model.event import GateApproved, GateOpened, RecoveryPointUsed, RunClosed, TaskResolved

ASKED = GateOpened(task="declare@h", fingerprint="f")
APPROVED = GateApproved(task="declare@h", person="dana", role="director", fingerprint="f")


def seconds(begin, marks):
    return [None if mark is None else (mark - begin).total_seconds() for mark in
            (marks.declared, marks.decided, marks.recovered, marks.verified)]  # fmt: skip


def test_a_recovery_with_a_gate(story, begin):
    story.opened([("declare", 1), ("restore", 1), ("verify", 1)]).at(5).say(ASKED).at(65).say(APPROVED)
    story.did("restore@db1", took=100).did("verify@h", "unchanged", took=35)
    story.say(RecoveryPointUsed(task="restore@db1", point=begin - timedelta(seconds=600)))
    marks, rta, rpa = clocks(story.events, status="succeeded")
    assert seconds(begin, marks) == [5, 65, 165, 200]
    assert (rta, rpa) == (195, 605)


def test_without_a_gate_the_run_itself_is_the_declaration(story, begin):
    story.opened([("restore", 1)]).at(10).did("restore@db1", took=20)
    marks, rta, rpa = clocks(story.events, status="succeeded")
    assert seconds(begin, marks) == [0, None, 30, 30]
    assert (rta, rpa) == (30, None)


def test_a_verification_before_the_last_change_verifies_nothing_of_it(story, begin):
    story.opened([("a", 2), ("v", 1)]).did("a@1", took=10).did("v@h", "unchanged", took=5).did("a@2", took=10)
    assert seconds(begin, clocks(story.events, status="succeeded").clocks) == [0, None, 25, 25]


def test_a_run_that_did_not_succeed_has_no_recovery_time(story):
    story.opened([("a", 1)]).did("a@1")
    for status in ("failed", "aborted", None):
        assert clocks(story.events, status=status).rta is None
    story.say(RunClosed(status="failed"))
    assert clocks(story.events).clocks.verified is None


def test_the_close_in_the_journal_counts_like_the_one_to_come(story):
    story.opened([("a", 1)]).did("a@1", took=7)
    to_come = clocks(story.events, status="succeeded")
    assert clocks(story.say(RunClosed(status="succeeded")).events) == to_come


def test_the_oldest_recovery_point_counts_and_never_negatively(story, begin):
    story.opened([("a", 1)])
    for age in (-60, 300, 100):
        story.say(RecoveryPointUsed(task="a@1", point=begin - timedelta(seconds=age)))
    assert clocks(story.events).rpa == 300
    later = [story.events[0], story.events[1]]
    assert clocks(later).rpa == 0


def test_a_doubt_resolved_as_done_is_a_recovery(story, begin):
    story.opened([("a", 1)]).at(40).say(TaskResolved(task="a@1", number=1, truth="done"))
    assert seconds(begin, clocks(story.events, status="succeeded").clocks) == [0, None, 40, 40]


def test_a_gate_is_decided_by_the_last_of_its_quorum(story, begin):
    gate = ASKED.model_copy(update={"quorum": 2})
    eli = APPROVED.model_copy(update={"person": "eli"})
    story.opened([("declare", 1)]).at(5).say(gate).at(10).say(APPROVED).at(20).say(APPROVED).at(30).say(eli)
    assert seconds(begin, clocks(story.events).clocks) == [5, 30, None, None]


def test_a_dry_run_recovers_nothing(story):
    story.opened([("a", 1)], mode="dry-run").did("a@1", "unchanged")
    marks, rta, rpa = clocks(story.events, status="succeeded")
    assert (marks.recovered, marks.verified, rta, rpa) == (None, None, None, None)


def test_no_events_no_clocks():
    marks, rta, rpa = clocks([])
    assert (marks.declared, rta, rpa) == (None, None, None)
