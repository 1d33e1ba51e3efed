"""What the pages say for a state, and how states follow one another."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.lab.errors import LabError
from runbook_engine.lab.status_page import AWS_STATES, PAGE_STATES, StatusState, aws_feed, describe, switch

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _events(state):
    return json.loads(aws_feed(state))


def test_a_quiet_feed_is_two_brackets_with_a_byte_order_mark():
    assert aws_feed(StatusState(NOON)) == b"\xfe\xff\x00[\x00]"


def test_an_outage_has_the_region_in_its_arn_and_ends_resolved():
    broken = switch(StatusState(NOON), {"aws": "degraded", "aws_region": "eu-west-1"}, NOON)
    event, older = _events(broken)
    assert event["arn"].startswith("arn:aws:health:eu-west-1::event/")
    assert event["status"] == "3"
    assert "end_time" not in event
    assert event["event_log"][-1]["timestamp"] == NOON.timestamp()
    assert event["impacted_services"]["rds-eu-west-1"]["current"] == "3"
    assert older["end_time"]
    over, _ = _events(switch(broken, {"aws": "clear"}, NOON + HOUR))
    assert over["arn"] == event["arn"]
    assert (over["status"], over["end_time"]) == ("0", str(int((NOON + HOUR).timestamp())))
    assert over["summary"].startswith("[RESOLVED]")


def test_an_outage_goes_on_while_the_feed_is_away_and_a_second_one_is_new():
    broken = switch(StatusState(NOON), {"aws": "degraded"}, NOON)
    away = switch(broken, {"aws": "down"}, NOON + HOUR)
    assert aws_feed(away) is None
    back = switch(away, {"aws": "degraded"}, NOON + 2 * HOUR)
    assert _events(back)[0]["date"] == _events(broken)[0]["date"]
    cleared = switch(back, {"aws": "clear"}, NOON + 3 * HOUR)
    second = switch(cleared, {"aws": "degraded"}, NOON + 4 * HOUR)
    assert _events(second)[0]["arn"] != _events(broken)[0]["arn"]
    assert "end_time" not in _events(second)[0]


@given(changes=st.lists(st.tuples(st.sampled_from(AWS_STATES), st.sampled_from(PAGE_STATES)), max_size=8))
def test_after_any_history_the_feed_is_active_exactly_when_it_is_degraded(changes):
    state, now = StatusState(NOON), NOON
    for aws, page in changes:
        now += HOUR
        state = switch(state, {"aws": aws, "statuspage": page}, now)
        assert json.loads(json.dumps(describe(state)))["aws"] == aws
        if aws in {"clear", "degraded"}:
            active = [event for event in _events(state) if "end_time" not in event]
            assert bool(active) is (aws == "degraded")
            assert all(int(event["date"]) <= now.timestamp() for event in _events(state))


@pytest.mark.parametrize("changes", [{"aws": "up"}, {"statuspage": None}, {"aws_region": "mars-1"}, {"x": "y"}])
def test_unknown_words_are_refused(changes):
    with pytest.raises(LabError, match=r"known are|choose one of"):
        switch(StatusState(NOON), changes, NOON)
