"""Alarms: what looks at a trigger add up to, told once for one incident, whatever the page does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_engine.execution.alarm_board import AlarmBoard
from runbook_engine.execution.alarm_rules import (
    BLIND,
    QUIET,
    SAME_TROUBLE,
    UNSEEN,
    Look,
    Watch,
    incident_ids,
    judge,
    over,
    retry_at,
)
from runbook_engine.model.event import AlarmTold, MonitorOpened
from runbook_engine.model.outcome import Outcome

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def watch(**more):
    about = {"id": "failover/1", "runbook": "failover", "inventory": "demo", "then": "propose", "definition": "d"}
    return Watch(**{**about, "held_for": 5 * MINUTE, "command": "runbook run failover", **more})


class Story:
    """Looks at triggers in the order of time; `said` has the kinds of the events besides sightings."""

    def __init__(self, *watches):
        self.watches = {one.id: one for one in (watches or (watch(),))}
        self.board = AlarmBoard()
        self.events = []
        self.looked = set()
        self.now = START

    def look(self, verdict, *incidents, after=MINUTE, trigger=None):
        self.now += after
        one = self.watches[trigger or next(iter(self.watches))]
        self._take(judge(self.board, one, Look(verdict, self.now, why=verdict, incidents=incidents)))
        self.looked.add(one.id)
        self._take(over(self.board, self.watches, self.looked, self.now))
        return self

    def looks(self, count, verdict, *incidents, **more):
        for _ in range(count):
            self.look(verdict, *incidents, **more)
        return self

    def begin_anew(self):
        """Another process goes on from what is recorded, by way of another record."""
        board = AlarmBoard()
        board.apply(MonitorOpened(inventory="demo", engine_version="1", state=self.board.snapshot()))
        self.board, self.looked = board, set()
        return self

    def _take(self, events):
        for event in events:
            self.board.apply(event)
            self.events.append(event)

    @property
    def said(self):
        return [event.kind for event in self.events if event.kind != "trigger.seen"]

    @property
    def raised(self):
        return [event.alarm for event in self.events if event.kind == "alarm.raised"]


def test_a_condition_that_holds_long_enough_is_told_once():
    story = Story().look("clear").looks(5, "holds", "arn:1")
    assert story.said == []
    assert Story().looks(30, "holds", "arn:1").said == ["alarm.raised"]
    (alarm,) = story.looks(20, "holds", "arn:1").raised
    assert (alarm.about, alarm.command, alarm.incidents) == ("propose", "runbook run failover", ("arn:1",))
    assert (alarm.since, alarm.at) == (START + 2 * MINUTE, START + 7 * MINUTE)


def test_what_was_clear_in_between_has_not_held():
    assert Story().looks(4, "holds").look("clear").looks(5, "holds").said == []


def test_not_to_know_neither_ends_nor_proves_that_it_holds():
    story = Story().look("holds").looks(6, "unknown")
    assert story.said == []
    assert story.look("holds").said == ["alarm.raised"]


def test_without_for_the_first_look_is_enough():
    assert Story(watch(held_for=timedelta(0), then="notify")).look("holds").raised[0].about == "notify"


def test_a_notice_names_no_command():
    assert Story(watch(then="notify")).looks(10, "holds").raised[0].command == ""


def test_a_page_that_flaps_is_told_of_once():
    story = Story().looks(8, "holds")
    for _ in range(10):
        story.looks(3, "clear").looks(6, "holds")
    assert story.said == ["alarm.raised"]


def test_an_alarm_is_over_after_a_quiet_while():
    story = Story().looks(8, "holds").look("clear")
    quiet = int(QUIET / MINUTE)
    assert story.looks(quiet - 1, "clear").said == ["alarm.raised"]
    assert story.look("clear").said == ["alarm.raised", "alarm.over"]


def test_it_is_not_over_while_nobody_can_tell():
    story = Story().looks(8, "holds").look("clear").looks(90, "unknown")
    assert "alarm.over" not in story.said


def test_the_same_incident_is_not_told_a_second_time_after_it_was_over():
    story = Story().looks(8, "holds", "arn:1").looks(40, "clear").looks(8, "holds", "arn:1")
    assert story.said == ["alarm.raised", "alarm.over", "alarm.returned"]
    assert [one.phase for one in story.board.owed(["1:mail"], story.now)] == ["over"]  # that of the first one


def test_nor_after_others_came_and_went():
    story = Story()
    for incident in ("arn:1", "arn:2", "arn:1"):
        story.looks(8, "holds", incident).looks(40, "clear")
    assert story.said == [*["alarm.raised", "alarm.over"] * 2, "alarm.returned", "alarm.over"]


def test_a_look_that_can_not_tell_does_not_begin_the_quiet_while_anew():
    story = Story().looks(8, "holds").looks(15, "clear").look("unknown").looks(14, "clear")
    assert story.said == ["alarm.raised"]
    assert story.look("clear").said == ["alarm.raised", "alarm.over"]


def test_another_incident_is():
    story = Story().looks(8, "holds", "arn:1").looks(40, "clear").looks(8, "holds", "arn:1", "arn:2")
    assert story.said == ["alarm.raised", "alarm.over", "alarm.raised"]


def test_without_ids_of_the_providers_what_comes_after_the_quiet_while_is_new():
    story = Story().looks(8, "holds").looks(40, "clear").looks(8, "holds")
    assert story.said == ["alarm.raised", "alarm.over", "alarm.raised"]
    assert len({alarm.id for alarm in story.raised}) == 2


def test_more_events_of_the_same_trouble_are_recorded_and_not_told():
    story = Story().looks(8, "holds", "arn:1").looks(2, "holds", "arn:1", "arn:2")
    assert story.said == ["alarm.raised", "alarm.grew"]
    assert story.board.all_standing()[0].incidents == ("arn:1", "arn:2")


def test_a_new_incident_is_told_although_an_old_one_lingers():
    story = Story().looks(8, "holds", "arn:old")
    hours = int(SAME_TROUBLE / timedelta(hours=1)) + 1
    story.looks(hours, "holds", "arn:old", after=timedelta(hours=1)).looks(8, "holds", "arn:new", "arn:old")
    assert story.said == ["alarm.raised", "alarm.over", "alarm.raised"]


def test_two_triggers_of_a_runbook_are_one_proposal():
    story = Story(watch(), watch(id="failover/2"))
    for _ in range(8):
        story.look("holds", "arn:1", trigger="failover/1").look("holds", trigger="failover/2", after=timedelta(0))
    assert story.said == ["alarm.raised", "alarm.grew"]
    story.looks(60, "clear", trigger="failover/1")
    assert "alarm.over" not in story.said


def test_a_trigger_that_is_watched_no_more_ends_its_alarm():
    story = Story().looks(8, "holds")
    assert [event.kind for event in over(story.board, {}, set(), story.now)] == ["alarm.over"]


def test_a_page_that_can_not_be_read_is_told_and_that_it_can_again():
    story = Story().looks(int(BLIND / MINUTE), "unknown")
    assert story.said == []
    assert [alarm.about for alarm in story.look("unknown").raised] == ["blind"]
    assert story.looks(100, "unknown").said == ["alarm.raised"]
    assert story.looks(10, "clear").look("unknown").looks(31, "clear").said == ["alarm.raised", "alarm.over"]


def test_another_process_goes_on_where_the_one_before_ended():
    story = Story()
    for _ in range(6):
        story.look("holds", "arn:1").begin_anew()
    assert story.said == ["alarm.raised"]
    story.looks(40, "clear").begin_anew().looks(8, "holds", "arn:1")
    assert story.said == ["alarm.raised", "alarm.over", "alarm.returned"]


def test_another_process_ends_no_alarm_before_it_has_looked_itself():
    story = Story().looks(8, "holds").look("clear").begin_anew()
    assert over(story.board, story.watches, set(), story.now + 2 * QUIET) == []


def test_what_nobody_looked_at_is_not_known_to_have_held():
    story = Story().look("holds").look("holds", after=UNSEEN + MINUTE)
    assert story.said == []
    assert Story().look("holds").look("holds", after=UNSEEN).said == ["alarm.raised"]


def test_a_slow_schedule_still_counts_for_a_long_for():
    story = Story(watch(held_for=timedelta(hours=3)))
    assert story.looks(2, "holds", after=timedelta(hours=3)).said == ["alarm.raised"]


def test_another_condition_begins_anew():
    story = Story().looks(4, "holds")
    story.watches = {"failover/1": watch(definition="other")}
    assert story.looks(5, "holds").said == []
    assert story.look("holds").said == ["alarm.raised"]


def test_a_clock_that_was_set_back_begins_anew_and_waits_no_longer():
    story = Story().looks(4, "holds")
    story.now -= timedelta(hours=5)
    assert story.looks(7, "holds").said == ["alarm.raised"]


def test_looks_that_show_nothing_new_are_not_recorded():
    story = Story().looks(100, "clear").looks(100, "holds", "arn:1").looks(20, "unknown")
    assert len(story.events) <= 8


def test_owed_until_told_and_again_after_a_while():
    story = Story().looks(8, "holds", "arn:1")
    (owed,) = story.board.owed(["1:mail"], story.now)
    assert (owed.phase, owed.channel) == ("raised", "1:mail")

    def told(number, next_at, phase="raised", **more):
        story.board.apply(
            AlarmTold(alarm=owed.alarm.id, phase=phase, channel="1:mail", number=number, next_at=next_at, **more)
        )

    later = retry_at(story.now, 1)
    told(1, later, outcome=Outcome.FAILED, outputs={"accepted": ["a@example.com"]})
    assert story.board.owed(["1:mail"], story.now) == []
    (again,) = story.board.owed(["1:mail"], later)
    assert (again.telling.attempts, again.telling.outputs) == (1, {"accepted": ["a@example.com"]})
    told(2, None, outcome=Outcome.CHANGED)
    assert story.board.owed(["1:mail"], later) == []
    story.looks(40, "clear")
    assert [one.phase for one in story.board.owed(["1:mail"], story.now)] == ["over"]
    assert story.board.owed(["1:mail"], story.now + timedelta(days=2)) == []


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 30), (5000, 30)])
def test_whoever_can_not_be_told_is_tried_less_and_less_often(attempts, minutes):
    assert retry_at(START, attempts) - START == minutes * MINUTE


def test_ids_are_those_of_aws_and_of_statuspage():
    events = [{"arn": "arn:2"}, {"id": "inc1", "name": "x"}, {"arn": "arn:2"}, "text", {"id": 7}]
    assert incident_ids({"events": events}) == ("arn:2", "inc1")
    assert incident_ids({}) == incident_ids({"events": "x"}) == ()


looks_strategy = st.lists(
    st.tuples(
        st.sampled_from(["holds", "clear", "unknown"]),
        st.frozensets(st.sampled_from(["arn:1", "arn:2", "arn:3"]), max_size=2),
        st.integers(min_value=0, max_value=45),
        st.booleans(),
    ),
    max_size=60,
)


@given(looks_strategy)
def test_whatever_a_page_does_no_incident_is_told_twice_and_none_is_missed(looks):
    story = Story()
    for verdict, incidents, minutes, restarts in looks:
        story.look(verdict, *sorted(incidents if verdict == "holds" else ()), after=minutes * MINUTE)
        if restarts:
            story.begin_anew()
        standing = story.board.all_standing()
        subjects = [alarm.subject for alarm in standing]
        assert len(subjects) == len(set(subjects))
        sighting = story.board.triggers["failover/1"]
        long_enough = sighting.held_since is not None and story.now - sighting.held_since >= 5 * MINUTE
        if verdict == "holds" and long_enough:
            assert "propose:failover" in subjects
    told = [set(alarm.incidents) for alarm in story.raised if alarm.about == "propose" and alarm.incidents]
    # A further proposal always brings something that nobody was told of before.
    for index, incidents in enumerate(told):
        assert not any(incidents <= before for before in told[:index])
    held = [event for event in story.events if event.kind == "alarm.raised" and event.alarm.about == "propose"]
    for event in held:
        assert event.alarm.at - event.alarm.since >= 5 * MINUTE


@given(looks_strategy)
def test_restarts_change_nothing(looks):
    one, other = Story(), Story()
    for verdict, incidents, minutes, restarts in looks:
        for story in (one, other):
            story.look(verdict, *sorted(incidents if verdict == "holds" else ()), after=minutes * MINUTE)
        if restarts:
            other.begin_anew()
    assert one.events == other.events
