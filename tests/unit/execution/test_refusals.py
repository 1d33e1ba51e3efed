"""Refused answers are recorded one by one at first, then fewer and fewer, however fast and under whatever name."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.execution.refusals import MOST_EACH
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import Actor, AnswerRefused, GateOpened, StoredEvent

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
TEAM = {"eli", "dana"}
NAMES = {"one of the team": lambda _: "eli", "strangers, each with a name of their own": lambda number: f"x{number}"}


def told(state, event, at):
    state.apply(StoredEvent("r", state.seq + 1, at, Actor(name="x"), event, "", ""))


def hammer(state, *, seconds, every=1.0, name=NAMES["one of the team"], task="go@h", began=BEGAN):
    """Answer so often for so long; gives when it was recorded."""
    recorded = []
    for number in range(int(seconds / every)):
        now = began + timedelta(seconds=number * every)
        if state.refusals.to_record(task, name(number), TEAM, now):
            told(state, AnswerRefused(task=task, person=name(number), reason="no"), now)
            recorded.append(number * every)
    return recorded


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_day_of_hammering_leaves_a_few_records(name):
    recorded = hammer(RunState("r"), seconds=86_400, every=3.0, name=name)
    assert recorded[:MOST_EACH] == [0.0, 3.0, 6.0, 9.0, 12.0]
    waits = [round(after - before) for before, after in zip(recorded[4:], recorded[5:], strict=False)]
    assert waits[:7] == [60, 120, 240, 480, 960, 1920, 3600]
    assert set(waits[7:]) == {3600}
    assert len(recorded) < 40


def test_others_questions_and_people_are_none_of_it():
    state = RunState("r")
    hammer(state, seconds=30)
    assert not state.refusals.to_record("go@h", "eli", TEAM, BEGAN + timedelta(seconds=31))
    assert state.refusals.to_record("go@h", "dana", TEAM, BEGAN + timedelta(seconds=31))
    assert state.refusals.to_record("go@h", "mallory", TEAM, BEGAN + timedelta(seconds=31))
    assert state.refusals.to_record("other@h", "eli", TEAM, BEGAN + timedelta(seconds=31))
    told(state, GateOpened(task="go@h", roles=("r",), fingerprint="f"), BEGAN + timedelta(seconds=32))
    assert state.refusals.to_record("go@h", "eli", TEAM, BEGAN + timedelta(seconds=33)), "it is asked anew"


def test_a_clock_that_was_set_back_silences_nobody():
    state = RunState("r")
    hammer(state, seconds=30)
    assert state.refusals.to_record("go@h", "eli", TEAM, BEGAN - timedelta(days=1))
