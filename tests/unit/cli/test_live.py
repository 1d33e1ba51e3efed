"""The footer of the live view."""

import threading
from datetime import UTC, datetime, timedelta

from rich.console import Console

from runbook_engine.cli.live import LiveProgress
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import AttemptFinished, AttemptStarted, GateOpened
from runbook_engine.ports.dispatcher import AttemptProgress


def footer(progress):
    console = Console(width=100)
    with console.capture() as shown:
        console.print(*progress._footer(), sep="\n")
    return shown.get()


def begun(task):
    return AttemptStarted(task=task, number=1, token="t")


def test_it_shows_what_runs_what_waits_and_for_whom(stored, opened):
    progress = LiveProgress(colour=False)
    gate = GateOpened(task="declare@localhost", roles=("director",), fingerprint="f")
    progress.recall(RunState("r", [stored(opened(copy=1, declare=1)), stored(begun("copy@db1")), stored(gate)]))
    progress.progress(AttemptProgress("copy@db1", 1, "snapshot copy 43 %"))
    shown = footer(progress)
    assert "0 of 2 tasks" in shown
    assert "snapshot copy 43 %" in shown
    assert "declare@localhost waits for director (0 of 1)" in shown


def test_a_thousand_targets_take_one_line(stored, opened):
    progress = LiveProgress(colour=False)
    progress.recall(
        RunState("r", [stored(opened(deploy=1000)), *[stored(begun(f"deploy@web{index}")) for index in range(1000)]])
    )
    shown = footer(progress)
    assert "deploy  0 of 1000; 1000 running, longest web0" in shown
    assert len(shown.splitlines()) == 2


def test_of_many_targets_the_failures_and_the_longest_running_are_seen_on_80_columns(stored, opened):
    progress = LiveProgress(colour=False)
    events = [stored(opened(deploy=1000))]
    events += [stored(begun(f"deploy@web{index}")) for index in range(500)]
    events += [
        stored(AttemptFinished(task=f"deploy@web{index}", number=1, outcome="failed" if index < 8 else "changed"))
        for index in range(450)
    ]
    progress.recall(RunState("r", events))
    lines = [text for text, _ in progress._lines(events[-1].time)]
    assert lines[1].startswith("  deploy  450 of 1000: 8 failed, 442 changed; 50 running, longest web450 ")
    assert len(lines) == 2


def test_the_footer_stays_small_when_many_tasks_wait_for_people(stored, opened):
    progress = LiveProgress(colour=False)
    lost = [AttemptFinished(task=f"mail@h{index}", number=1, outcome="failed", in_doubt=True) for index in range(100)]
    progress.recall(RunState("r", [stored(opened(mail=100)), *[stored(event) for event in lost]]))
    shown = footer(progress)
    assert len(shown.splitlines()) < 12
    assert "and 92 more" in shown


def test_tasks_of_small_steps_are_still_told_one_by_one_beside_a_large_one(stored, opened):
    progress = LiveProgress(colour=False)
    events = [opened(copy=1, deploy=100), begun("copy@db1"), *[begun(f"deploy@web{index}") for index in range(10)]]
    progress.recall(RunState("r", [stored(event) for event in events]))
    shown = footer(progress)
    assert "copy@db1" in shown
    assert "web9" not in shown
    assert "deploy  0 of 100; 10 running" in shown


def test_the_clock_runs_against_the_rto(stored, opened):
    event = opened(a=1)
    objectives = event.objectives.model_copy(update={"rto": timedelta(minutes=60)})
    progress = LiveProgress(colour=False)
    progress.recall(RunState("r", [stored(event.model_copy(update={"objectives": objectives}))]))
    assert "of RTO 1:00:00" in footer(progress)


def test_a_line_and_the_footer_never_wait_for_each_other(stored, opened):
    """The screen is held while the footer is drawn, and asks for what is shown; so nobody may hold that and write."""
    progress = LiveProgress(colour=False)
    free = []

    def put(line, word):
        other = threading.Thread(target=progress._footer, daemon=True)
        other.start()
        other.join(5)
        free.append(not other.is_alive())

    progress.put = put
    progress.event(stored(opened(deploy=30)))
    progress.event(stored(begun("deploy@web1")))
    progress.tick(datetime.now(UTC))
    progress.event(stored(AttemptFinished(task="deploy@web1", number=1, outcome="failed", error="boom")))
    progress.warning("hot")
    assert free == [True] * 4
