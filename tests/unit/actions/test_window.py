"""gate.window: when it opens next."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from runbook_engine.actions.gate import Window, WindowParams


def opens(between, now, **more):
    return Window().opens_at(WindowParams(between=between, **more), datetime.fromisoformat(now).replace(tzinfo=UTC))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("between", "now", "expected"),
    [
        ("09:00-17:00", "2026-01-05T08:00", "2026-01-05T09:00"),
        ("09:00-17:00", "2026-01-05T09:00", "2026-01-05T09:00"),
        ("09:00-17:00", "2026-01-05T16:59", "2026-01-05T16:59"),
        ("09:00-17:00", "2026-01-05T17:00", "2026-01-06T09:00"),
        ("22:00-06:00", "2026-01-05T05:59", "2026-01-05T05:59"),
        ("22:00-06:00", "2026-01-05T06:00", "2026-01-05T22:00"),
        ("22:00-06:00", "2026-01-05T23:00", "2026-01-05T23:00"),
    ],
)
def test_it_is_open_from_its_beginning_to_before_its_end(between, now, expected):
    assert opens(between, now) == at(expected)


def test_the_day_is_the_one_on_which_it_begins():
    monday = "2026-01-05"
    assert opens("22:00-06:00", f"{monday}T05:00", days=["sun"]) == at(f"{monday}T05:00")
    assert opens("22:00-06:00", f"{monday}T23:00", days=["sun"]) == at("2026-01-11T22:00")


def test_it_keeps_to_its_zone_over_a_change_of_the_clock():
    assert opens("03:30-04:00", "2026-03-28T12:00", zone="Europe/Berlin") == at("2026-03-29T01:30")
    assert opens("03:30-04:00", "2026-03-27T12:00", zone="Europe/Berlin") == at("2026-03-28T02:30")


@pytest.mark.parametrize(
    "wrong", [{"between": "25:00-06:00"}, {"between": "22-6"}, {"zone": "Mars/Base"}, {"days": ["xx"]}]
)
def test_what_is_no_time_day_or_zone_is_refused(wrong):
    with pytest.raises(ValidationError):
        WindowParams(**{"between": "22:00-06:00", **wrong})
