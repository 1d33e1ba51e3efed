"""Lines about a run: what is told, what is folded, and that a lost screen disturbs nobody."""

import io

from runbook_engine.cli.progress import FOLD_ABOVE, LineProgress
from runbook_engine.model.event import AttemptFinished, AttemptStarted, GateOpened, TaskBlocked, TaskResolved
from runbook_engine.model.outcome import satisfied


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
    assert len(lines) == 2
    assert "disk full" in lines[1]


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
    listener.recall([stored(opened(a=2)), stored(finished("a@x"))])
    assert screen.getvalue() == ""
    assert listener.view.counts.total() == 1
