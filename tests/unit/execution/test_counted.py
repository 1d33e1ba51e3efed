"""Of two answers to one question the first counts: in the fold, in the loop, on a resume, and in the report."""

from datetime import UTC, datetime
from itertools import permutations

import pytest
from support.plans import plan_of, planned
from support.simulation import RUN, Do, FakeCatalog, Quiet, Simulation, ended

from runbook_engine.actions.gate import Approval, ManualTask
from runbook_engine.execution.gates import gate_verdict
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import (
    Actor,
    AttemptFinished,
    AttemptStarted,
    GateApproved,
    GateDeclined,
    GateOpened,
    HoldOpened,
    HoldResolved,
    ManualAnswered,
    RunAbortRequested,
    RunContinued,
    RunPaused,
    StoredEvent,
    TaskResolved,
)
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.runbook import ActionCall, OnFailure
from runbook_engine.reporting.run_fold import RunFold

T = "a@localhost"
PLAN = plan_of(planned("a", on_failure=OnFailure.HOLD), planned("b", needs=["a"]))


def fold(*events, kind="person"):
    time = datetime(2026, 1, 1, tzinfo=UTC)
    by = Actor(kind=kind, name="dana")
    return RunState(RUN, [StoredEvent(RUN, seq, time, by, event, "", "") for seq, event in enumerate(events, 1)])


def failed(number=1):
    return [
        AttemptStarted(task=T, number=number, token="t"),
        AttemptFinished(task=T, number=number, outcome=Outcome.FAILED, error="boom"),
        HoldOpened(task=T, reason="boom"),
    ]


def decided(decision, number=1):
    return HoldResolved(task=T, decision=decision, reason=decision, number=number)


def approved(person, fingerprint="f"):
    return GateApproved(task=T, person=person, role="director", fingerprint=fingerprint)


def declined(person, fingerprint="f"):
    return GateDeclined(task=T, person=person, role="director", fingerprint=fingerprint)


def opened(quorum=1, **more):
    return GateOpened(task=T, roles=("director",), quorum=quorum, fingerprint="f", **more)


@pytest.mark.parametrize(("first", "second"), list(permutations(["retry", "skip", "ignore", "abort"], 2)))
@pytest.mark.parametrize("number", [0, 1])
def test_the_first_decision_about_a_held_task_counts(first, second, number):
    one, both = (
        fold(*failed(), decided(first, number)),
        fold(*failed(), decided(first, number), decided(second, number)),
    )
    assert both.task(T) == one.task(T)
    assert both.seq == one.seq + 1


def test_a_task_that_is_held_again_is_decided_again():
    events = [*failed(), decided("retry"), *failed(2), decided("skip", 2)]
    assert fold(*events).task(T).outcome is Outcome.SKIPPED
    assert fold(*events, decided("retry", 2)).task(T) == fold(*events).task(T)


def test_a_late_decision_about_an_attempt_that_runs_or_ended_well_changes_nothing():
    runs = [*failed(), decided("retry"), AttemptStarted(task=T, number=2, token="t")]
    assert fold(*runs, decided("skip")).task(T) == fold(*runs).task(T)
    well = [*runs, AttemptFinished(task=T, number=2, outcome=Outcome.CHANGED)]
    assert fold(*well, decided("skip"), decided("ignore", 2)).task(T) == fold(*well).task(T)


def test_a_gate_is_decided_when_its_quorum_is_reached_or_somebody_declines():
    assert gate_verdict(fold(opened(), approved("dana"), declined("eli")).task(T)).approved
    assert not gate_verdict(fold(opened(), declined("eli"), approved("dana")).task(T)).approved
    assert gate_verdict(fold(opened(2), approved("dana"), approved("dana")).task(T)) is None
    assert len(fold(opened(2), approved("dana"), approved("dana")).task(T).approvals) == 1
    assert not gate_verdict(fold(opened(2), approved("dana"), declined("dana")).task(T)).approved


def test_an_answer_to_another_plan_does_not_count_but_an_old_one_that_names_none():
    assert gate_verdict(fold(opened(), declined("eli", "other")).task(T)) is None
    assert gate_verdict(fold(opened(), declined("eli", "")).task(T)) is not None
    assert gate_verdict(fold(opened(), approved("eli", "other")).task(T)) is None


def test_the_first_word_on_a_manual_task_and_on_a_doubt_counts():
    by_hand = opened(by_hand=True)
    said = [ManualAnswered(task=T, person=p, fingerprint="f", passed=p == "dana") for p in ("dana", "eli")]
    assert fold(by_hand, *said).task(T).answered.person == "dana"
    doubt = [
        AttemptStarted(task=T, number=1, token="t"),
        AttemptFinished(task=T, number=1, outcome=Outcome.UNREACHABLE, in_doubt=True),
    ]
    done, again = (TaskResolved(task=T, number=1, truth=truth) for truth in ("done", "retry"))
    assert fold(*doubt, done, again).task(T) == fold(*doubt, done).task(T)
    assert fold(*doubt, again, done).task(T) == fold(*doubt, again).task(T)
    assert fold(*doubt, again, again).task(T).logical == 2


def test_what_the_engine_decides_is_the_record_of_what_it_did():
    events = [*failed(), decided("skip"), HoldResolved(task=T, decision="abort", reason="the run ends")]
    assert fold(*events, kind="engine").task(T).outcome is Outcome.FAILED


def test_orders_count_once():
    state = fold(RunPaused(reason="one"), RunPaused(reason="two"), RunAbortRequested(reason="x"), RunAbortRequested(
        reason="y", cancel=True))  # fmt: skip
    assert (state.paused, state.abort, state.abort_cancels) == ("one", "x", True)
    assert fold(RunPaused(reason="one"), RunContinued(), RunContinued()).paused is None


class Both(Quiet):
    """Says two things at the same moment when it sees the first event of a kind."""

    def __init__(self, kind, *said):
        super().__init__()
        self.kind, self.said, self.simulation = kind, said, None

    def event(self, stored):
        super().event(stored)
        if isinstance(stored.event, self.kind):
            said, self.said = self.said, ()
            for event in said:
                self.simulation.say(event)


@pytest.mark.parametrize(("first", "second"), list(permutations(["retry", "skip", "ignore"], 2)))
@pytest.mark.parametrize("wait", [True, False])
def test_live_replay_and_report_agree_and_a_resume_redoes_nothing(first, second, wait):
    def make(order):
        bad = order.task == T and order.number == 1
        return ended(order, Outcome.FAILED if bad else Outcome.CHANGED, error="boom" if bad else "")

    listener = Both(HoldOpened, decided(first), decided(second)) if wait else Quiet()
    made = Simulation(PLAN, make=make, listener=listener)
    listener.simulation = made
    if not wait:
        made.advance()
        made.say(decided(first))
        made.say(decided(second))
    assert made.advance(wait=wait) == "succeeded"
    expected = {"retry": "changed", "skip": "skipped", "ignore": "failed"}[first]
    assert made.outcomes()[T] == expected
    report = RunFold()
    for stored in made.journal.read(RUN):
        report.follow(stored)
    assert report.tasks[T].outcome == expected
    assert [one.kind for one in report.people.deviations if one.kind in {"retry", "skip", "ignore"}] == [first]
    assert len([event for event in made.kinds(AttemptStarted) if event.task == T]) == (2 if first == "retry" else 1)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("wait", [True, False])
def test_a_gate_that_two_answered_at_once_ends_as_the_first_said(order, wait):
    plan = plan_of(
        planned("a", action=ActionCall(name="gate.approval", params={"roles": ["director"]})), planned("b", needs=["a"])
    )
    said = [approved("dana", plan.fingerprint), declined("eli", plan.fingerprint)]
    said = said[::-1] if order else said
    listener = Both(GateOpened, *said) if wait else Quiet()
    made = Simulation(plan, catalog=FakeCatalog(Do(), Approval(), ManualTask()), listener=listener)
    listener.simulation = made
    if not wait:
        made.advance()
        for one in said:
            made.say(one)
    assert made.advance(wait=wait) == ("failed" if order else "succeeded")
    assert made.outcomes()[T] == ("failed" if order else "unchanged")
    report = RunFold()
    for stored in made.journal.read(RUN):
        report.follow(stored)
    assert report.people.gates()[0].state == ("declined" if order else "approved")
