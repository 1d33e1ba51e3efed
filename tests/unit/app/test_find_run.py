"""A run by its id, its beginning, or `last`."""

import pytest

from runbook_engine.app.find_run import find_run
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.errors import UsageError
from runbook_engine.model.event import Actor, RunOpened

IDS = ("20261122-100000-failover-aaaa", "20261123-100000-failover-bbbb", "20261123-100000-failover-bbbb2")


@pytest.fixture
def journal():
    made = MemoryJournal()
    for run in IDS:
        opened = RunOpened(runbook="failover", inventory="demo", mode="live", fingerprint="f", engine_version="1")
        made.open_run(run, opened, Actor(name="dana"))
    return made


@pytest.mark.parametrize(
    ("name", "found"), [(IDS[1], IDS[1]), ("20261122", IDS[0]), ("last", IDS[2]), (IDS[2], IDS[2])]
)
def test_found(journal, name, found):
    assert find_run(journal, name).id == found


@pytest.mark.parametrize(
    ("name", "says"), [("20261123", "2 runs begin"), ("2025", "no run '2025'"), ("", "no run"), ("%", "no run")]
)
def test_not_found(journal, name, says):
    with pytest.raises(UsageError, match=says):
        find_run(journal, name)


def test_a_near_miss_is_suggested(journal):
    with pytest.raises(UsageError) as refused:
        find_run(journal, IDS[0].replace("aaaa", "aaab"))
    assert IDS[0] in refused.value.hint


def test_an_empty_journal_has_no_last_run():
    with pytest.raises(UsageError, match="no runs yet"):
        find_run(MemoryJournal(), "last")
