"""Durations in sentences are rounded as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.model.names import format_seconds


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (7.94049, "7.9 s"),
        (0.697665, "0.7 s"),
        (0.0341, "0.03 s"),
        (0, "0 s"),
        (1.0, "1 s"),
        (7.96, "8 s"),
        (9.96, "10 s"),
        (59.7, "60 s"),
        (60.0, "60 s"),
        (7200, "7200 s"),
        (123456789.2, "123456789 s"),
    ],
)
def test_seconds_are_rounded(seconds, said):
    assert format_seconds(seconds) == said


@given(st.floats(min_value=0.001, max_value=1e9))
def test_no_time_is_rounded_by_more_than_a_half_of_what_is_shown(seconds):
    number, unit = format_seconds(seconds).split(" ")
    assert unit == "s"
    assert 0 < float(number) <= seconds * 1.5 + 0.001
    assert float(number) >= seconds * 0.66
