"""The footer of the live view."""

from datetime import timedelta

from rich.console import Console

from runbook_engine.cli.live import LiveProgress
from runbook_engine.model.event import AttemptStarted, GateOpened
from runbook_engine.ports.dispatcher import AttemptProgress


def footer(progress):
    console = Console(width=100)
    with console.capture() as shown:
        console.print(progress._footer())
    return shown.get()


def begun(task):
    return AttemptStarted(task=task, number=1, token="t")


def test_it_shows_what_runs_what_waits_and_for_whom(stored, opened):
    progress = LiveProgress(colour=False)
    gate = GateOpened(task="declare@localhost", roles=("director",), fingerprint="f")
    progress.recall([stored(opened(copy=1, declare=1)), stored(begun("copy@db1")), stored(gate)])
    progress.progress(AttemptProgress("copy@db1", 1, "snapshot copy 43 %"))
    shown = footer(progress)
    assert "0 of 2 tasks" in shown
    assert "snapshot copy 43 %" in shown
    assert "declare@localhost waits for director (0 of 1)" in shown


def test_a_thousand_targets_take_one_line(stored, opened):
    progress = LiveProgress(colour=False)
    progress.recall([stored(opened(deploy=1000)), *[stored(begun(f"deploy@web{index}")) for index in range(1000)]])
    shown = footer(progress)
    assert "deploy: 1000 running" in shown
    assert len(shown.splitlines()) == 2


def test_the_clock_runs_against_the_rto(stored, opened):
    event = opened(a=1)
    objectives = event.objectives.model_copy(update={"rto": timedelta(minutes=60)})
    progress = LiveProgress(colour=False)
    progress.recall([stored(event.model_copy(update={"objectives": objectives}))])
    assert "of RTO 1:00:00" in footer(progress)
