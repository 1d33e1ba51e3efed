"""The monitor's records: kept, chained, verified and pruned like runs, and listed apart from them."""

from datetime import UTC, datetime

import pytest

from runbook_engine.app.audit import verify
from runbook_engine.app.find_run import find_record, find_run
from runbook_engine.journals.address import open_glance, open_journal
from runbook_engine.journals.holder import this_process
from runbook_engine.model.errors import JournalError, LeaseError, UsageError
from runbook_engine.model.event import (
    AttemptStarted,
    LeaseTaken,
    MonitorClosed,
    MonitorOpened,
    NoteAdded,
    RunClosed,
    TriggerSeen,
)
from runbook_engine.model.event_monitor import Sighting

SEEN = TriggerSeen(
    trigger="app/1",
    sighting=Sighting(verdict="clear", definition="d", at=datetime(2026, 11, 23, tzinfo=UTC)),
)


@pytest.fixture
def record(journal, actor):
    journal.open_run("m1", MonitorOpened(inventory="demo", engine_version="1"), actor)
    journal.append("m1", [SEEN], actor)
    return "m1"


def test_a_record_is_listed_as_one_and_not_among_the_runs(journal, actor, opening, record):
    journal.open_run("r1", opening, actor)
    assert [head.id for head in journal.runs()] == ["r1"]
    (head,) = journal.monitor_records()
    assert (head.id, head.mode, head.runbook, head.inventory, head.status) == (
        record,
        "monitor",
        "monitor",
        "demo",
        "open",
    )
    assert find_run(journal, "last").id == "r1"
    assert find_record(journal, "monitor").id == record
    with pytest.raises(UsageError, match="record of the monitor's"):
        find_run(journal, record)


def test_records_and_runs_are_one_chain(journal, actor, opening, record):
    journal.open_run("r1", opening, actor)
    journal.append("r1", [RunClosed(status="succeeded")], actor)
    journal.open_run("m2", MonitorOpened(inventory="other", engine_version="1"), actor)
    assert next(iter(journal.read("r1"))).event.previous_run == record
    assert next(iter(journal.read("m2"))).event.previous_run == "r1"
    found = verify(journal)
    assert found.intact
    assert (found.runs, found.events, found.head) == (3, 5, journal.head("m2").head_hash)


def test_what_belongs_to_a_run_is_not_taken_into_a_record_nor_the_other_way_round(journal, actor, opening, record):
    journal.open_run("r1", opening, actor)
    for name, event in (
        (record, AttemptStarted(task="a@h", number=1, token="t")),
        (record, RunClosed(status="succeeded")),
        ("r1", SEEN),
        ("r1", MonitorClosed()),
        (record, MonitorOpened(inventory="demo", engine_version="1")),
    ):
        with pytest.raises(JournalError):
            journal.append(name, [event], actor)
    journal.append(record, [NoteAdded(text="kept")], actor)


def test_a_holder_whose_lease_was_taken_over_writes_nothing(journal, actor, record):
    old = journal.take_lease("monitor:demo", this_process(), 60)
    journal.append(record, [LeaseTaken(holder="x", fence=old.fence)], actor, lease=old)
    new = journal.take_lease("monitor:demo", this_process(), 60, take_over=True)
    with pytest.raises(LeaseError):
        journal.append(record, [SEEN], actor, lease=old)
    journal.append(record, [SEEN], actor, lease=new)
    assert journal.version(record) == 4


@pytest.mark.owner
def test_a_closed_record_can_be_pruned_and_an_open_one_can_not(journal, actor, record):
    with pytest.raises(JournalError, match="not over"):
        journal.prune(record, actor, "old")
    journal.append(record, [MonitorClosed()], actor)
    with pytest.raises(JournalError, match="is closed"):
        journal.append(record, [SEEN], actor)
    journal.open_run("m2", MonitorOpened(inventory="demo", engine_version="1"), actor)
    journal.prune(record, actor, "old")
    assert [(head.id, head.pruned, head.status) for head in journal.monitor_records()] == [
        ("m2", False, "open"),
        (record, True, "closed"),
    ]
    assert journal.verify() == []


def test_a_glance_lists_records_apart_too(tmp_path, actor, opening):
    address = "sqlite:///journal.db"
    journal = open_journal(address, project=tmp_path, create=True)
    journal.open_run("m1", MonitorOpened(inventory="demo", engine_version="1"), actor)
    journal.open_run("r1", opening, actor)
    glance = open_glance(address, project=tmp_path)
    assert ([head.id for head in glance.runs()], [head.id for head in glance.monitor_records()]) == (["r1"], ["m1"])
    glance.close()
    journal.close()
