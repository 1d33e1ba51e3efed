"""What is left of a run, by what its steps usually take."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.cli.run_view import RunView
from runbook_engine.cli.to_go import ToGo, UsualTimes, to_go
from runbook_engine.model.event import Actor, AttemptFinished, AttemptStarted, RunOpened, StepSummary, StoredEvent

BEGAN = datetime(2026, 11, 23, 10, tzinfo=UTC)
USUAL = {"restore": 600.0, "deploy": 120.0, "aside": 60.0}


@pytest.fixture
def view():
    made = RunView()
    edges = {"restore": (), "aside": (), "deploy": ("restore@target", "aside")}
    steps = tuple(
        StepSummary(id=name, digest="", tasks=1, targets_digest="", needs=needs) for name, needs in edges.items()
    )
    opened = RunOpened(runbook="x", inventory="i", mode="live", fingerprint="f", engine_version="1", steps=steps)
    say(made, opened, 0)
    return made


def say(view, event, after):
    view.take(StoredEvent("r", 1, BEGAN + timedelta(seconds=after), Actor(name="dana"), event, "", ""))


def begun(step):
    return AttemptStarted(task=f"{step}@localhost", number=1, token="t")


def done(step):
    return AttemptFinished(task=f"{step}@localhost", number=1, outcome="changed")


def left(view, after, usual=USUAL):
    return to_go(view, usual, BEGAN + timedelta(seconds=after))


def test_the_longest_chain_counts_and_time_passes_only_for_what_runs(view):
    assert left(view, 0) == ToGo(720.0, whole=True)
    say(view, begun("aside"), 0)
    assert left(view, 30) == ToGo(720.0, whole=True)
    say(view, begun("restore"), 30)
    assert left(view, 130) == ToGo(620.0, whole=True)
    assert left(view, 1000) == ToGo(120.0, whole=True), "what takes longer than usual is expected to end now"
    say(view, done("restore"), 700)
    assert left(view, 700) == ToGo(120.0, whole=True)
    say(view, done("aside"), 700)
    say(view, done("deploy"), 800)
    assert left(view, 800) is None, "nothing is left"


def test_what_nothing_is_known_of_makes_it_a_least(view):
    assert left(view, 0, {"restore": 600.0}) == ToGo(600.0, whole=False)
    assert left(view, 0, {}) is None


def test_it_is_read_once_for_a_runbook_and_nobody_waits_for_it():
    asked = []

    def read(runbook):
        asked.append(runbook)
        return {"a": 1.0}

    usual = UsualTimes(read)
    until = datetime.now(UTC) + timedelta(seconds=30)
    while not usual.of("x") and datetime.now(UTC) < until:
        continue
    assert (usual.of("x"), asked) == ({"a": 1.0}, ["x"])
