"""Lines about a run: what is told, what is folded, and that a lost screen disturbs nobody."""

import io
import threading
from datetime import timedelta

import pytest

from runbook_engine.cli.progress import LineProgress
from runbook_engine.cli.run_view import FOLD_ABOVE
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    GateOpened,
    PlanAccepted,
    TaskBlocked,
    TaskResolved,
)
from runbook_engine.model.outcome import satisfied
from runbook_engine.ports.dispatcher import AttemptProgress


def finished(task, outcome="changed", **more):
    return AttemptFinished(task=task, number=1, outcome=outcome, **more)


def told(stored, *events, progress=None):
    screen = io.StringIO()
    listener = progress or LineProgress(screen)
    for event in events:
        listener.event(stored(event))
    return screen.getvalue().splitlines()


def test_an_end_is_told_with_its_sentence_and_seconds(stored, opened):
    event = finished("restore@db1", finding=satisfied("restored from snap-1"), seconds=3.21)
    line = told(stored, opened(restore=1), event)[-1]
    assert line.split("  ", 1)[1].split() == ["changed", "restore@db1", "restored", "from", "snap-1", "(3.2", "s)"]


def test_many_targets_are_folded_but_each_failure_is_told(stored, opened):
    count = FOLD_ABOVE + 5
    events = [finished(f"deploy@web{index}") for index in range(count - 1)]
    events.append(finished(f"deploy@web{count}", "failed", error="disk full"))
    lines = told(stored, opened(deploy=count), *events)
    assert len(lines) == 3
    assert "disk full" in lines[1]
    assert lines[2].endswith(f"deploy  1 failed, {count - 1} changed")


def test_of_many_failures_the_first_are_named_and_the_others_counted(stored, opened):
    events = [finished(f"deploy@web{index}", "failed", error="disk full") for index in range(30)]
    events += [finished(f"deploy@web{index}") for index in range(30, 100)]
    lines = told(stored, opened(deploy=100), *events)
    assert [line.split()[2] for line in lines if "disk full" in line] == [f"deploy@web{index}" for index in range(10)]
    assert lines[11].endswith("only counted from here on")
    assert lines[-1].endswith(
        "30 failed, 70 changed; 20 of them not named above: runbook status 20261123-120304-book-0001"
    )
    assert len(lines) == 13


def test_a_failure_that_was_named_and_mended_does_not_hide_one_that_was_not(stored, opened):
    events = [finished(f"a@h{index}", "failed") for index in range(21)]
    for index in range(10):
        events += [AttemptStarted(task=f"a@h{index}", number=2, token="t"), finished(f"a@h{index}")]
    lines = told(stored, opened(a=21), *events)
    assert "11 failed, 10 changed; 11 of them not named above" in lines[-1]


def test_retries_of_many_targets_get_no_lines(stored, opened):
    again = [AttemptStarted(task=f"a@h{index}", number=2, token="t") for index in range(30)]
    assert not any("attempt 2" in line for line in told(stored, opened(a=30), *again))
    assert any("attempt 2" in line for line in told(stored, opened(a=2), *again[:2]))


def begun(task):
    return AttemptStarted(task=task, number=1, token="t")


def test_now_and_then_a_log_says_how_far_a_step_with_many_targets_is(stored, opened):
    screen = io.StringIO()
    listener = LineProgress(screen)
    events = [opened(few=1, many=30), begun("few@h"), *[begun(f"many@h{index}") for index in range(5)]]
    for event in [*events, finished("many@h0", "failed")]:
        last = stored(event)
        listener.event(last)
    before = len(screen.getvalue().splitlines())
    listener.tick(last.time + timedelta(minutes=1))
    lines = screen.getvalue().splitlines()[before:]
    assert len(lines) == 1
    assert "many  1 of 30: 1 failed; 4 running, longest h1 1:04, h2 1:03, h3 1:02" in lines[0]


def test_now_and_then_a_log_says_what_a_long_task_says_of_itself(stored, opened):
    screen = io.StringIO()
    listener = LineProgress(screen)
    for event in (opened(restore=1, quiet=1), begun("restore@localhost"), begun("quiet@localhost")):
        last = stored(event)
        listener.event(last)
    listener.progress(AttemptProgress(task="restore@localhost", number=1, text="reviews-eu-west-1: creating"))
    before = len(screen.getvalue().splitlines())
    listener.tick(last.time + timedelta(minutes=1))
    lines = screen.getvalue().splitlines()[before:]
    assert [line.split("  ", 1)[1] for line in lines] == [
        "running       restore@localhost  reviews-eu-west-1: creating (1:01)"
    ]


def test_the_ticking_goes_on_by_itself_and_ends(stored, opened):
    told_often = threading.Event()

    class Log(LineProgress):
        count = 0

        def put(self, line, word):
            self.count += word == "running"
            if self.count > 1:
                told_often.set()

    listener = Log()
    for event in (opened(many=30), begun("many@h0")):
        listener.event(stored(event))
    with listener.ticking(0.01):
        assert told_often.wait(30)
    count = listener.count
    assert not any(thread.name == "progress" for thread in threading.enumerate())
    assert listener.count == count


def test_steps_of_an_accepted_plan_are_counted_by_that_plan(stored, opened):
    plan = opened(a=40, c=1).steps
    accepted = PlanAccepted(fingerprint="g", before="f", steps=plan)
    events = [opened(a=30, b=1), *[finished(f"a@h{index}") for index in range(29)], accepted]
    lines = told(stored, *events, finished("a@h29"), *[finished(f"a@h{index}") for index in range(30, 40)])
    assert lines[-1].endswith("a  40 changed")
    assert len([line for line in lines if "step over" in line]) == 1


def test_the_end_of_a_folded_step_is_told_with_counts(stored, opened):
    count = FOLD_ABOVE + 1
    lines = told(stored, opened(deploy=count), *[finished(f"deploy@web{index}") for index in range(count)])
    assert lines[-1].endswith(f"deploy  {count} changed")


def test_a_task_that_is_tried_again_counts_once(stored, opened):
    screen = LineProgress(io.StringIO())
    events = [finished("a@x", "failed"), AttemptStarted(task="a@x", number=2, token="t"), finished("a@x")]
    told(stored, opened(a=1), *events, progress=screen)
    assert {outcome.value: count for outcome, count in screen.view.counts.items()} == {"changed": 1}


def test_doubt_is_told_as_doubt_and_ends_when_resolved(stored, opened):
    screen = LineProgress(io.StringIO())
    event = finished("mail@x", "failed", in_doubt=True, error="connection lost")
    told(stored, opened(mail=1), event, progress=screen)
    assert screen.view.doubts == {"mail@x": "connection lost"}
    told(stored, TaskResolved(task="mail@x", number=1, truth="done"), progress=screen)
    assert not screen.view.doubts
    assert screen.view.step("mail@x").over


def test_a_gate_is_told_with_whom_it_asks(stored, opened):
    gate = GateOpened(task="declare@localhost", roles=("director",), message="Fail over?", fingerprint="f")
    assert told(stored, opened(declare=1), gate)[-1].endswith("for 1 of director: Fail over?")


@pytest.mark.parametrize(("ahead", "shown"), [(timedelta(minutes=1), "%H:%M"), (timedelta(days=1), "%Y-%m-%d %H:%M")])
def test_a_deadline_on_another_day_is_told_with_its_day(stored, opened, ahead, shown):
    opening = stored(opened(declare=1))
    until = opening.time.astimezone().replace(hour=12) + ahead
    gate = GateOpened(task="declare@localhost", message="Fail over?", fingerprint="f", expires_at=until)
    screen = io.StringIO()
    listener = LineProgress(screen)
    for one in (opening, stored(gate)._replace(time=opening.time.astimezone().replace(hour=12))):
        listener.event(one)
    assert f"anybody until {until:{shown}}: Fail over?" in screen.getvalue()


def test_text_of_hosts_can_not_play_with_the_terminal(stored, opened):
    lines = told(stored, opened(a=1), finished("a@x", "failed", error="\x1b[2J\u202eok\nfaked line"))
    assert len(lines) == 2
    assert "\x1b" not in lines[1]
    assert "\u202e" not in lines[1]


def test_a_closed_screen_disturbs_nobody(stored, opened):
    screen = io.StringIO()
    listener = LineProgress(screen)
    screen.close()
    listener.event(stored(opened(a=1)))
    listener.event(stored(TaskBlocked(task="a@x", because="b@x")))
    assert listener.view.step("a@x").over


def test_what_was_recalled_is_not_told_again(stored, opened):
    screen = io.StringIO()
    listener = LineProgress(screen)
    listener.recall(RunState("r", [stored(opened(a=2)), stored(finished("a@x"))]))
    assert screen.getvalue() == ""
    assert listener.view.counts.total() == 1
