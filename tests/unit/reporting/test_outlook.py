"""Whether the recovery time objective will be kept, as a run stands."""

from datetime import timedelta

import pytest

from runbook_engine.model.event import GateApproved, GateOpened, RunClosed
from runbook_engine.model.runbook import Objectives
from runbook_engine.reporting.build import build_report
from runbook_engine.reporting.outlook import outlook

STEPS = [
    ("ask", 1),
    ("restore", 1, {"needs": ("ask",)}),
    ("verify", 1, {"needs": ("restore",), "kind": "verification"}),
]
TAKES = {"restore": 600.0, "verify": 60.0}


@pytest.fixture
def told(story, begin):
    def tell(*, rto="1h", at=0, mode="live", takes=TAKES, close=""):
        story.opened(STEPS, mode=mode, objectives=Objectives(rto=rto))
        story.at(300).say(GateOpened(task="ask@localhost", fingerprint="f"))
        story.at(400).say(GateApproved(task="ask@localhost", person="dana", role="director", fingerprint="f"))
        story.at(400).did("restore@localhost", took=200)
        if close:
            story.did("verify@localhost", "unchanged", took=30).say(RunClosed(status=close))
        return outlook(build_report(story.events), takes, begin + timedelta(seconds=at))

    return tell


def test_the_clock_begins_when_the_disaster_was_declared(told, begin):
    found = told(at=1300)
    assert (found.since, found.passed) == (begin + timedelta(seconds=300), 1000)
    assert found.left == 2600


def test_what_is_left_is_the_longest_chain_of_what_steps_usually_take(told):
    assert told(at=700).to_go.seconds == 60


def test_it_will_be_missed_by_what_is_left_and_more(told):
    found = told(rto="420s", at=700, takes={"verify": 120.0})
    assert found.will_miss_by == pytest.approx(100)


def test_what_will_be_kept_or_is_missed_already_is_not_going_to_be_missed(told):
    assert told(at=700).will_miss_by is None


def test_what_is_missed_already_is_not_going_to_be_missed(told):
    found = told(rto="60s", at=700)
    assert found.left == -340
    assert found.will_miss_by is None


def test_without_an_earlier_run_nothing_is_known(told):
    found = told(at=700, takes={})
    assert (found.to_go, found.will_miss_by) == (None, None)


def test_a_verified_recovery_stands_for_good(told):
    found = told(at=9_999_999, close="succeeded")
    assert found.over
    assert found.passed == 330
    assert found.to_go is None


def test_a_dry_run_has_none(told):
    assert told(mode="dry-run") is None
