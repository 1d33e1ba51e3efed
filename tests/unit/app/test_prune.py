"""Which runs a retention lets go, and which stay whatever it says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.app.prune import Retention, choose, prune
from runbook_engine.journals.holder import this_process
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import JournalError, UsageError
from runbook_engine.model.event import Actor, LeaseTaken, RunClosed, RunOpened
from runbook_engine.ports.journal import RunHead

NOW = datetime(2026, 11, 23, tzinfo=UTC)
YEAR = timedelta(days=365)


def heads(*ages_and_more):
    """Runs by their age in days, newest first, numbered from the oldest."""
    made = []
    for place, (age, more) in enumerate(ages_and_more):
        ended = NOW - timedelta(days=age)
        head = RunHead(
            id=f"r{age}",
            number=len(ages_and_more) - place,
            runbook="failover",
            inventory="demo",
            mode="drill",
            opened_at=ended - timedelta(hours=1),
            status="succeeded",
            closed_at=ended,
            operator="dana",
            events=9,
            head_hash="h",
        )
        made.append(replace(head, **more))
    return made


def gone(runs, **retention):
    return [head.id for head in choose(runs, Retention(**retention), NOW).go]


def test_what_ended_long_ago_goes_oldest_first():
    runs = heads((1, {}), (364, {}), (366, {}), (400, {}))
    assert gone(runs, older_than=YEAR) == ["r400", "r366"]
    assert gone(runs, older_than=timedelta(0)) == ["r400", "r366", "r364"]


def test_the_newest_n_stay_and_both_limits_must_let_a_run_go():
    runs = heads((1, {}), (364, {}), (366, {}), (400, {}))
    assert gone(runs, keep=2) == ["r400", "r366"]
    assert gone(runs, keep=3, older_than=YEAR) == ["r400"]
    assert gone(runs, keep=0) == ["r400", "r366", "r364"], "the newest stays all the same"


def test_the_newest_of_each_runbook_inventory_and_mode_stays():
    for difference in ({"runbook": "other"}, {"inventory": "other"}, {"mode": "live"}):
        runs = heads((1, {}), (400, difference), (500, {}))
        choice = choose(runs, Retention(older_than=YEAR), NOW)
        assert [head.id for head in choice.go] == ["r500"]
        assert [(head.id, why.startswith("it is the newest")) for head, why in choice.stay] == [("r400", True)]


def test_the_newest_that_succeeded_stays_behind_newer_ones_that_did_not():
    runs = heads((1, {"status": "aborted"}), (400, {"status": "aborted"}), (500, {}), (600, {}))
    assert gone(runs, older_than=YEAR) == ["r600", "r400"]


def test_a_failed_run_goes_only_when_asked_for():
    runs = heads((1, {}), (400, {"status": "failed"}))
    assert gone(runs, older_than=YEAR) == []
    assert gone(runs, older_than=YEAR, failed=True) == ["r400"]


def test_a_run_that_is_not_over_never_goes():
    runs = heads((1, {}), (400, {"status": "open", "closed_at": None}))
    assert gone(runs, older_than=YEAR, failed=True) == []


def test_a_run_that_was_pruned_is_not_named_again():
    runs = heads((1, {}), (400, {"pruned": True}))
    assert choose(runs, Retention(older_than=YEAR), NOW) == choose([], Retention(older_than=YEAR), NOW)


def test_without_a_limit_nothing_is_done():
    with pytest.raises(UsageError, match="must be said"):
        choose(heads((1, {})), Retention(), NOW)


def test_a_retention_says_what_it_is():
    assert str(Retention(older_than=timedelta(days=400), keep=5)) == "older than 400d and not among the newest 5"


class FullDisk(MemoryJournal):
    """A journal on a disk that has no room for giving room back."""

    def compact(self):
        raise JournalError("no room", hint="make some")


def journal_of(*runs, kind=MemoryJournal):
    journal = kind()
    for run in runs:
        journal.open_run(
            run,
            RunOpened(runbook="failover", inventory="demo", mode="drill", fingerprint="f", engine_version="1"),
            Actor(name="dana"),
        )
        journal.append(run, [RunClosed(status="failed")], Actor(name="dana"))
    return journal


def test_each_run_goes_by_itself_and_one_that_must_stay_holds_no_other_back():
    journal = journal_of("r1", "r2", "r3", "r4")
    journal.take_lease("run:r2", this_process(), 60)
    four, three, two, one = journal.runs()
    journal.prune("r3", Actor(name="eve"), "before")
    ended = prune(journal, [one, two, three, four], Actor(name="dana"), "old")
    assert [(done.run, done.actor.name, done.reason) for done in ended.done] == [("r1", "dana", "old")]
    why = {head.id: text for head, text in ended.refused}
    assert why.keys() == {"r2", "r3", "r4"}
    assert why["r2"] == "a process goes on with it"
    assert "pruned by eve" in why["r3"]
    assert "newest" in why["r4"]
    assert ended.trouble == ""


def test_what_was_pruned_is_told_when_the_space_can_not_be_given_back():
    journal = journal_of("r1", "r2", kind=FullDisk)
    ended = prune(journal, journal.runs()[1:], Actor(name="dana"), "old")
    assert [done.run for done in ended.done] == ["r1"]
    assert ended.trouble == "no room; make some"


def test_a_run_that_goes_on_is_not_made_to_wait_for_the_space():
    journal = journal_of("r1", "r2", kind=FullDisk)
    lease = journal.take_lease("run:r2", this_process(), 60)
    journal.append("r2", [LeaseTaken(holder="x", fence=lease.fence)], Actor(name="engine"), lease=lease)
    ended = prune(journal, journal.runs()[1:], Actor(name="dana"), "old")
    assert [done.run for done in ended.done] == ["r1"]
    assert "a run is going on" in ended.trouble
