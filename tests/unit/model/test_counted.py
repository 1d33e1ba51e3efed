"""Of two answers that raced into a journal one counts, for all who read it: the view, forecasts, clocks, evidence, checks."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from runbook_engine.app.history import durations
from runbook_engine.cli.progress import LineProgress
from runbook_engine.execution.state import RunState
from runbook_engine.journals.memory import MemoryJournal
from runbook_engine.model.clocks import clocks
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    GateApproved,
    GateDeclined,
    GateOpened,
    HoldOpened,
    HoldResolved,
    RunOpened,
    StepSummary,
    TaskResolved,
)
from runbook_engine.model.outcome import Outcome
from runbook_engine.reporting.build import report_of
from runbook_engine.reporting.evidence import controls
from runbook_engine.reporting.run_fold import RunFold

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
DANA, ELI = Actor(kind="person", name="dana"), Actor(kind="person", name="eli")
GATE = {"task": "go@h", "role": "r", "fingerprint": "f"}
FAILED = {"number": 1, "outcome": Outcome.FAILED, "error": "boom"}


class Ticking:
    """A clock that is a minute later each time it is asked."""

    def __init__(self):
        self.minutes = 0

    def now(self):
        self.minutes += 1
        return BEGAN + timedelta(minutes=self.minutes)


@pytest.fixture
def raced():
    """A run in which each question was answered twice at the same moment; the second answer counts for nothing."""
    journal = MemoryJournal(clock=Ticking())
    more = {"digest": "d", "targets_digest": "t", "tasks": 1}
    steps = (StepSummary(id="go", kind="gate", **more), StepSummary(id="a", **more), StepSummary(id="b", **more))
    opened = RunOpened(
        runbook="r",
        inventory="i",
        mode="live",
        fingerprint="f",
        engine_version="1",
        steps=steps,
        tasks=3,
        policy=("P1",),
    )
    journal.open_run("r", opened, DANA)
    retry = HoldResolved(task="a@h", number=1, decision="retry", reason="x")
    for event, who in (
        (GateOpened(task="go@h", roles=("r",), fingerprint="f", quorum=2), DANA),  # minute 2
        (GateApproved(person="dana", **GATE), DANA),
        (GateApproved(person="dana", **GATE), DANA),  # twice the same person: one approval
        (GateApproved(person="eli", **GATE), ELI),  # minute 5
        (GateDeclined(person="eli", **GATE), ELI),
        (AttemptFinished(task="go@h", number=1, outcome=Outcome.UNCHANGED), DANA),
        (AttemptFinished(task="a@h", **FAILED), DANA),
        (HoldOpened(task="a@h", reason="boom"), DANA),
        (retry, DANA),
        (AttemptStarted(task="a@h", number=2, token="t"), DANA),
        (retry.model_copy(update={"decision": "skip"}), ELI),
        (AttemptFinished(task="b@h", in_doubt=True, **FAILED), DANA),
        (TaskResolved(task="b@h", number=1, truth="retry"), DANA),
        (TaskResolved(task="b@h", number=1, truth="done"), ELI),
    ):
        journal.append("r", [event], who)
    return journal


def test_who_watches_sees_what_counts_and_that_the_other_answer_does_not(raced):
    screen = io.StringIO()
    lines = LineProgress(screen)
    for stored in raced.read("r"):
        lines.event(stored)
    assert (lines.view.outcome("go@h"), dict(lines.view.gates)) == (Outcome.UNCHANGED, {})
    assert (lines.view.outcome("a@h"), list(lines.view.running), lines.view.holds) == (None, ["a@h"], {})
    assert (lines.view.outcome("b@h"), lines.view.doubts) == (None, {})
    told = screen.getvalue()
    assert "the answer of dana: dana approved already" in told
    assert "the answer of eli: the gate was approved by dana, eli already" in told
    assert "skip a@h (x) does not count: it waits for no decision" in told
    assert "resolved as done b@h () does not count" in told
    assert "declined" not in told


def test_all_who_fold_it_agree(raced):
    state = RunState("r", raced.read("r"))
    assert {name: (task.phase.value, task.outcome) for name, task in state.tasks.items()} == {
        "go@h": ("ended", Outcome.UNCHANGED),
        "a@h": ("running", None),
        "b@h": ("waiting", None),
    }
    assert dict(durations(raced.read("r"))) == {"go": 180.0}, "from the question to the second person's yes"
    achieved = clocks(raced.read("r"))
    assert achieved.clocks.decided == BEGAN + timedelta(minutes=5)
    assert (achieved.clocks.recovered, achieved.clocks.verified) == (None, None), "nobody did what is said to be done"
    (control,) = controls(raced.read("r"), "open")
    assert (control.approvals, control.deviations) == ((3, 5), (10, 14))
    assert raced.verify("r") == []


def test_what_was_taken_back_before_anybody_began_it_waits_and_is_no_failure():
    journal = MemoryJournal()
    journal.open_run("r", RunOpened(runbook="r", inventory="i", mode="live", fingerprint="f", engine_version="1"), DANA)
    started = AttemptStarted(task="a@h", number=1, token="t")
    journal.append("r", [started, AttemptFinished(task="a@h", unbegun=True, **FAILED)], DANA)
    screen = io.StringIO()
    lines = LineProgress(screen)
    fold = RunFold()
    for stored in journal.read("r"):
        lines.event(stored)
        fold.follow(stored)
    tally = journal.tally("r")
    for state in (RunState("r", journal.read("r")), RunState("r", tally.events, whole=False)):
        task = state.task("a@h")
        assert (task.phase.value, task.outcome, task.unproven_end) == ("waiting", None, False)
    assert (fold.tasks["a@h"].state, fold.tasks["a@h"].outcome) == ("pending", None)
    assert (lines.view.outcome("a@h"), lines.view.running, dict(tally.well)) == (None, {}, {})
    assert "taken back    a@h" in screen.getvalue()
    assert report_of(fold).troubles == ()
    assert journal.verify("r") == []
