"""What ended well is looked at again when a run goes on: which of it, what is written, who is asked, what is done."""

import pytest
from support.attempts import Switch, try_it
from support.plans import plan_of, planned
from support.simulation import RUN, Killed, Simulation, as_it_was, ended

from runbook_engine.execution.recheck import LONGEST_LOOK
from runbook_engine.execution.recheck_choice import choose, stood_on
from runbook_engine.model.errors import LeaseError
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    DriftFound,
    HoldOpened,
    HoldResolved,
    RecheckFailed,
    RecheckFinished,
    RecheckSkipped,
    RecheckStarted,
    RunAbortRequested,
    RunClosed,
    TaskBlocked,
    TaskResolved,
)
from runbook_engine.model.outcome import Mode, Outcome, satisfied, unknown, unsatisfied
from runbook_engine.model.runbook import ActionCall, OnFailure
from runbook_engine.ports.action import ActionFailedError
from runbook_engine.ports.journal import Holder

OTHER = Holder(host="there", boot="b", pid=2, started=2)
ONCE = ActionCall(name="test.once")
CHAIN = plan_of(planned("a"), planned("b", needs=["a"]), planned("c", needs=["b"]), planned("d", needs=["c"]))


def fails(*tasks):
    """Attempts of these tasks fail in the first part of the run."""
    tried = set()

    def make(order):
        if order.task in tasks and order.task not in tried:
            tried.add(order.task)
            return ended(order, Outcome.FAILED, error="boom")
        return ended(order)

    return make


def drifted(*tasks, outcome=Outcome.WOULD_CHANGE, error=""):
    def look(order):
        if order.task in tasks:
            return ended(order, outcome, 0.1, finding=unsatisfied("it is gone"), error=error)
        return as_it_was(order)

    return look


def resumed(plan, *failed, look=as_it_was, **more):
    """A run whose first part failed at these tasks, resumed."""
    made = Simulation(plan, make=fails(*failed), look=look)
    assert made.advance() == "failed"
    made.end = made.advance(**more)
    return made


def looked_at(made):
    return [order.task for order in made.dispatcher.looks]


def started(made):
    return [event.task for event in made.kinds(AttemptStarted)]


def test_a_first_part_looks_at_nothing():
    made = Simulation(CHAIN)
    assert made.advance() == "succeeded"
    assert made.kinds(RecheckStarted) == []


def test_what_is_as_it_was_is_counted_and_the_run_goes_on():
    made = resumed(CHAIN, "c@localhost")
    assert made.end == "succeeded"
    assert looked_at(made) == ["b@localhost", "a@localhost"]
    assert made.kinds(RecheckStarted)[0].tasks == ("b@localhost", "a@localhost")
    assert made.kinds(RecheckFinished) == [RecheckFinished(as_it_was=2)]
    assert started(made).count("a@localhost") == 1


def test_it_is_written_before_anything_is_looked_at_and_found_before_anything_is_begun():
    def look(order):
        assert made.kinds(RecheckStarted)
        return as_it_was(order)

    made = Simulation(CHAIN, make=fails("c@localhost"), look=look)
    made.advance()
    made.advance()
    kinds = [event.kind for event in made.events]
    assert kinds.index("recheck.finished") < kinds.index("attempt.started", kinds.index("recheck.started"))


def test_drift_that_the_rest_stands_on_is_held_and_nothing_is_done_about_it():
    made = resumed(CHAIN, "c@localhost", look=drifted("b@localhost"))
    assert made.end == "waiting"
    drift = made.kinds(DriftFound)[0]
    assert (drift.task, drift.outcome, drift.needed) == ("b@localhost", Outcome.CHANGED, True)
    assert drift.finding.summary == "it is gone"
    assert [event.task for event in made.kinds(HoldOpened)] == ["b@localhost"]
    assert started(made) == ["a@localhost", "b@localhost", "c@localhost"], "nothing is begun behind it"


def test_other_branches_go_on_meanwhile():
    plan = plan_of(planned("a"), planned("b", needs=["a"]), planned("x"), planned("y", needs=["x"]))
    made = resumed(plan, "b@localhost", "x@localhost", look=drifted("a@localhost"))
    assert made.end == "waiting"
    assert made.outcomes()["y@localhost"] == "changed"
    assert started(made).count("b@localhost") == 1


def test_retry_does_it_anew_with_another_token():
    made = resumed(CHAIN, "c@localhost", look=drifted("b@localhost"))
    made.say(HoldResolved(task="b@localhost", decision="retry", reason="it is really gone"))
    assert made.advance() == "succeeded"
    tokens = [event.token for event in made.kinds(AttemptStarted) if event.task == "b@localhost"]
    assert len(set(tokens)) == 2
    assert made.kinds(RunClosed)[-1].drifted == 0


@pytest.mark.parametrize("decision", ["ignore", "skip"])
def test_what_a_person_lets_be_is_not_asked_about_again(decision):
    made = resumed(CHAIN, "c@localhost", "d@localhost", look=drifted("b@localhost"))
    made.say(HoldResolved(task="b@localhost", decision=decision, reason="known"))
    assert made.advance() == "failed"
    assert made.advance() == "succeeded"
    assert "b@localhost" not in looked_at(made)
    assert len(made.kinds(DriftFound)) == 1
    assert started(made).count("b@localhost") == 1
    assert made.kinds(RunClosed)[-1].drifted == 1, "it is told all the same"


def test_a_decision_that_comes_while_the_run_waits_counts_at_once():
    def say(event):
        if isinstance(event, HoldOpened):
            made.say(HoldResolved(task=event.task, decision="ignore", reason="known"))

    made = Simulation(CHAIN, make=fails("c@localhost"), look=drifted("b@localhost"))
    made.advance()
    made.listener.event = lambda stored: say(stored.event)
    assert made.advance(wait=True) == "succeeded"


def test_drift_further_back_is_told_and_holds_up_nobody():
    made = resumed(CHAIN, "c@localhost", look=drifted("a@localhost"))
    assert made.end == "succeeded"
    assert [(event.task, event.needed) for event in made.kinds(DriftFound)] == [("a@localhost", False)]
    assert made.kinds(RunClosed)[-1].drifted == 1
    assert started(made).count("a@localhost") == 1


def test_a_step_that_no_check_tells_of_does_not_hide_what_lies_behind_it():
    plan = plan_of(planned("a"), planned("b", needs=["a"], action=ONCE), planned("c", needs=["b"]))
    made = resumed(plan, "c@localhost", look=drifted("a@localhost"))
    assert made.end == "waiting"
    assert looked_at(made) == ["a@localhost"]
    assert made.kinds(RecheckStarted)[0].left_out == {"no check can tell of them": 1}

    def cannot_tell(order):
        return ended(order, Outcome.UNPROVEN) if order.task == "b@localhost" else drifted("a@localhost")(order)

    made = resumed(CHAIN, "c@localhost", look=cannot_tell)
    assert made.end == "waiting"
    assert made.kinds(RecheckFinished)[0] == RecheckFinished(drifted=1, cannot_tell=1)


def test_a_host_that_is_away_is_no_drift():
    look = drifted("b@localhost", outcome=Outcome.UNREACHABLE, error="no route")
    made = resumed(CHAIN, "c@localhost", look=look)
    assert made.end == "succeeded"
    assert made.kinds(RecheckFailed) == [RecheckFailed(task="b@localhost", reason="no route")]
    assert made.kinds(DriftFound) == []
    assert made.kinds(RecheckFinished) == [RecheckFinished(as_it_was=1, failed=1)]


def test_of_a_step_on_many_targets_only_what_drifted_is_held():
    plan = plan_of(planned("a", ["x", "y"]), planned("b", ["x", "y"], needs=["a@target"]))
    made = resumed(plan, "b@x", "b@y", look=drifted("a@x"))
    assert made.end == "waiting"
    assert made.outcomes()["b@y"] == "changed"
    assert started(made).count("b@x") == 1


def test_per_target_a_target_that_is_through_needs_nothing_any_more():
    plan = plan_of(planned("a", ["x", "y"]), planned("b", ["x", "y"], needs=["a@target"]))
    made = resumed(plan, "b@y", look=drifted("a@x"))
    assert made.end == "succeeded"
    assert [event.needed for event in made.kinds(DriftFound)] == [False]


def test_what_may_fail_holds_up_nobody_when_it_drifts():
    plan = plan_of(planned("a", on_failure=OnFailure.CONTINUE), planned("b", needs=["a"]))
    made = resumed(plan, "b@localhost", look=drifted("a@localhost"))
    assert made.end == "succeeded"


def test_looks_are_bounded_by_forks_and_time():
    plan = plan_of(planned("a", [f"t{n}" for n in range(9)]), planned("b", needs=["a"]))
    made = Simulation(plan, make=fails("b@localhost"))
    made.advance()
    made.advance(forks=3)
    assert len(made.dispatcher.looks) == 9
    assert made.dispatcher.most_at_once == 3
    assert all(order.look and order.timeout == LONGEST_LOOK for order in made.dispatcher.looks)


def test_the_lease_is_kept_while_looks_take_long():
    def look(order):
        if order.task == "a@y":
            with pytest.raises(LeaseError):
                made.journal.take_lease(f"run:{RUN}", OTHER, 15.0)
        return ended(order, Outcome.UNCHANGED, 600.0)

    made = Simulation(
        plan_of(planned("a", ["x", "y"]), planned("b", needs=["a"])), make=fails("b@localhost"), look=look
    )
    assert made.advance() == "failed"
    made.dead = False
    assert made.advance(forks=1) == "succeeded"


def test_killed_in_the_re_check_it_begins_anew():
    made = Simulation(CHAIN, make=fails("c@localhost"))
    made.advance()

    def dies(order):
        raise Killed

    made.look = dies
    with pytest.raises(Killed):
        made.advance()
    made.look = as_it_was
    assert made.advance() == "succeeded"
    assert started(made).count("a@localhost") == 1


def test_an_interrupt_breaks_the_looks_off():
    made = Simulation(CHAIN, make=fails("c@localhost"))
    made.advance()

    def look(order):
        made.interrupts.interrupt()
        return ended(order, Outcome.FAILED, error="cancelled")

    made.look = look
    assert made.advance() == "interrupted"
    assert made.dispatcher.cancelled
    assert made.kinds(RecheckFailed) == []
    assert made.kinds(RecheckFinished) == [RecheckFinished(interrupted=True)]


def test_a_reason_skips_it_and_is_kept():
    made = resumed(CHAIN, "c@localhost", look=drifted("b@localhost"), no_recheck="I looked")
    assert made.end == "succeeded"
    assert made.kinds(RecheckSkipped) == [RecheckSkipped(reason="I looked")]
    assert looked_at(made) == []


def test_a_dry_run_and_a_run_that_is_to_end_look_at_nothing():
    made = Simulation(CHAIN, mode=Mode.DRY_RUN, make=fails("c@localhost"))
    made.advance()
    made.advance()
    assert made.kinds(RecheckStarted) == []
    made = Simulation(CHAIN, make=fails("c@localhost"))
    made.advance()
    made.interrupts.interrupt()
    made.advance()
    made.interrupts.count = 0
    made.say(RunAbortRequested(reason="no more"))
    seen = len(made.kinds(RecheckStarted))
    assert made.advance() == "aborted"
    assert len(made.kinds(RecheckStarted)) == seen


def test_the_nearest_come_first_where_there_are_too_many():
    made = Simulation(CHAIN)
    made.advance()
    done = {0, 1, 2}
    choice = choose(CHAIN, made.state, done, made.catalog, most=2)
    assert [CHAIN.tasks[index].id for index in choice.tasks] == ["c@localhost", "b@localhost"]
    assert sum(choice.left_out.values()) == 1


def test_stands_on_is_direct():
    assert sorted(stood_on(CHAIN, {0, 1, 2}, {0, 1, 2})) == [2]
    assert sorted(stood_on(CHAIN, {0, 1, 2}, {0, 1})) == [1]
    assert sorted(stood_on(CHAIN, {0, 1, 2, 3}, {0, 1, 2, 3})) == []


def test_nothing_that_ended_well_is_begun_again_by_it():
    made = resumed(CHAIN, "d@localhost")
    ends = [event.task for event in made.kinds(AttemptFinished) if event.outcome.ended_well]
    assert len(ends) == len(set(ends)) == 4


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize(
    ("finding", "there", "gone"),
    [
        (satisfied("on"), Outcome.UNCHANGED, Outcome.WOULD_CHANGE),
        (unsatisfied("off"), Outcome.WOULD_CHANGE, Outcome.UNCHANGED),
        (unknown("?"), Outcome.UNPROVEN, Outcome.UNPROVEN),
    ],
)
def test_a_look_does_nothing_and_of_what_was_undone_it_wants_the_opposite(finding, there, gone, undo):
    action = Switch(finding)
    report = try_it(action, look=True, undo=undo)
    assert report.outcome is (gone if undo else there)
    assert (action.applied, report.in_doubt) == (0, False)


def test_a_look_that_fails_is_no_doubt():
    report = try_it(Switch(ActionFailedError("403")), look=True)
    assert (report.outcome, report.in_doubt, report.error) == (Outcome.FAILED, False, "403")


TOKEN = ActionCall(name="test.reattached")
BEGUN = plan_of(planned("a"), planned("b", needs=["a"], action=TOKEN), planned("c", needs=["b"]))


def left_behind(second, **more):
    """A run that was killed in `b`, resumed after `a` drifted; `second` is how the attempts of `b` end from then on."""

    def dies(order):
        if order.task == "b@localhost":
            raise Killed
        return ended(order)

    made = Simulation(BEGUN, look=drifted("a@localhost"))
    with pytest.raises(Killed):
        made.advance(make=dies)
    made.make = lambda order: second(order) if order.task == "b@localhost" else ended(order)
    made.end = made.advance(**more)
    return made


def decides(made, kind, decision="ignore"):
    """Say it as soon as an event of that kind of `b` is seen."""

    def heed(stored):
        if isinstance(stored.event, kind) and stored.event.task == "b@localhost":
            made.say(HoldResolved(task="a@localhost", decision=decision, reason="known"))

    made.listener.event = heed


@pytest.mark.parametrize("outcome", [Outcome.CHANGED, Outcome.FAILED])
def test_what_began_before_the_drift_is_settled_and_not_begun(outcome):
    made = left_behind(lambda order: ended(order, outcome))
    assert made.end == "waiting"
    assert [(order.task, order.only_settle) for order in made.dispatcher.orders] == [("b@localhost", True)]
    assert made.outcomes()["b@localhost"] == outcome
    made.say(HoldResolved(task="a@localhost", decision="ignore", reason="known"))
    assert made.advance(make=ended) == "succeeded"
    again = [order.task for order in made.dispatcher.orders]
    assert again == (["c@localhost"] if outcome is Outcome.CHANGED else ["b@localhost", "c@localhost"])


@pytest.mark.parametrize("kind", [AttemptStarted, AttemptFinished])
@pytest.mark.parametrize(("outcome", "end"), [(Outcome.CHANGED, "succeeded"), (Outcome.FAILED, "failed")])
def test_a_decision_while_it_is_settled_or_afterwards_lets_its_own_end_count(kind, outcome, end):
    made = left_behind(lambda order: ended(order, Outcome.FAILED, in_doubt=True))
    decides(made, kind)
    assert made.advance(wait=True, make=lambda order: ended(order, outcome, 9)) == end
    assert [order.task for order in made.dispatcher.orders].count("b@localhost") == 1


@pytest.mark.parametrize("asks", [True, False])
def test_what_can_not_be_settled_stays_in_doubt_and_has_its_turn(asks):
    made = left_behind(lambda order: ended(order, Outcome.FAILED, in_doubt=True, needs_person=asks, error="lost"))
    assert made.end == "waiting"
    assert len(made.dispatcher.orders) == 1
    made.say(HoldResolved(task="a@localhost", decision="ignore", reason="known"))
    assert made.advance(make=ended) == "succeeded"
    assert [(order.task, order.settle, order.only_settle) for order in made.dispatcher.orders] == [
        ("b@localhost", True, False),
        ("c@localhost", False, False),
    ]


@pytest.mark.parametrize("truth", ["done", "retry"])
def test_a_person_says_what_became_of_it_and_nothing_begins_behind_the_hold(truth):
    def lost(order):
        return ended(order, Outcome.FAILED, in_doubt=True, needs_person=True, error="lost")

    made = left_behind(lost)

    def heed(stored):
        if isinstance(stored.event, AttemptFinished):
            made.say(TaskResolved(task="b@localhost", number=stored.event.number, truth=truth, reason="seen"))
        if isinstance(stored.event, TaskResolved):
            assert len(made.dispatcher.orders) == 1
            made.say(RunAbortRequested(reason="enough"))

    made.listener.event = heed
    assert made.advance(wait=True) == "aborted"
    assert [order.only_settle for order in made.dispatcher.orders] == [True]


def test_an_abort_lets_it_end_and_keeps_its_end():
    made = left_behind(lambda order: ended(order, Outcome.FAILED, in_doubt=True))

    def heed(stored):
        if isinstance(stored.event, AttemptStarted):
            made.say(RunAbortRequested(reason="enough"))

    made.listener.event = heed
    assert made.advance(make=lambda order: ended(order, seconds=9)) == "aborted"
    assert made.outcomes()["b@localhost"] == "changed"
    assert [event.task for event in made.kinds(TaskBlocked)] == ["c@localhost"]


def test_what_never_began_has_its_turn_in_the_same_process():
    def never_began(order):
        return ended(order, Outcome.FAILED, in_doubt=True)

    made = left_behind(never_began)
    decides(made, AttemptFinished)
    assert made.advance(wait=True, make=lambda order: (never_began if order.only_settle else ended)(order)) == (
        "succeeded"
    )
    assert [order.task for order in made.dispatcher.orders] == ["b@localhost", "b@localhost", "c@localhost"]
