"""An attempt that was to settle an earlier one and learned nothing leaves that one in doubt, with the same token."""

import pytest
from support.attempts import Hands, Look, Recorder, Switch, try_it
from support.plans import inventory_of, plan_of, planned
from support.simulation import Simulation, ended

from runbook_engine.model.outcome import CheckStatus, Mode, Outcome, satisfied, unknown, unsatisfied
from runbook_engine.model.runbook import ActionCall, OnFailure, Retry
from runbook_engine.ports.action import ActionFailedError, Effect
from runbook_engine.ports.connection import (
    Command,
    CommandLostError,
    CommandResult,
    CommandTimeoutError,
    DetachedState,
    DetachedStatus,
    NoConnectionError,
    TargetUnreachableError,
)
from runbook_engine.ports.services import ServiceUnreachableError

NOT_REACHED = [
    NoConnectionError("connection refused"),
    TargetUnreachableError("no route"),
    ServiceUnreachableError("no answer"),
    ActionFailedError("403"),
    ZeroDivisionError("a plugin's defect"),
]


@pytest.mark.parametrize("error", NOT_REACHED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("effect", list(Effect))
def test_a_check_that_could_not_look_proves_nothing(effect, error):
    action = Switch(error)
    action.effect = effect
    report = try_it(action, settle=True)
    assert report.outcome in {Outcome.FAILED, Outcome.UNREACHABLE}
    assert report.in_doubt
    assert action.applied == 0
    assert not try_it(Switch(error)).in_doubt, "without an earlier attempt there is nothing to doubt"


@pytest.mark.parametrize("error", NOT_REACHED, ids=lambda error: type(error).__name__)
def test_a_token_that_did_not_arrive_or_was_answered_with_an_error_proves_nothing(error):
    action = Switch(unknown(), apply_error=error)
    action.effect = Effect.TOKEN
    assert try_it(action, settle=True).in_doubt


class Reattached(Switch):
    """A detached command, whose own failure or kill is what a reattach finds."""

    effect = Effect.TOKEN

    def apply(self, params, context):
        context.connection.run_detached(Command(("work",)), token=context.run.token, timeout=1)
        raise ActionFailedError("ended with exit status 3")


class Ended(Recorder):
    def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
        return CommandResult(3)


class Killed(Recorder):
    def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
        raise CommandTimeoutError("did not end in time and was ended", killed=True)


@pytest.mark.parametrize("connection", [Ended, Killed])
def test_a_reattach_that_found_the_end_proves_it(connection):
    hands = Hands()
    hands.recorder = connection()
    report = try_it(Reattached(unknown()), settle=True, hands=hands)
    assert (report.outcome, report.in_doubt) == (Outcome.FAILED, False)


LOST = {
    # What the check says afterwards, whether nothing runs any more: the outcome, in doubt, a person is asked.
    "done": (satisfied("there"), False, Outcome.CHANGED, False),
    "proven not done": (unsatisfied("not there"), True, Outcome.FAILED, False),
    "not done yet": (unsatisfied("not there"), False, Outcome.UNREACHABLE, True),
    "nobody can tell": (unknown(), True, Outcome.UNREACHABLE, True),
}


def lost(*findings, dead, **order):
    """Make an attempt whose detached command's end is lost."""

    class Lost(Recorder):
        def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
            raise CommandLostError("rebooted", dead=dead)

    hands = Hands()
    hands.recorder = Lost()
    return try_it(Reattached(*findings), hands=hands, **order)


@pytest.mark.parametrize("settle", [False, True])
@pytest.mark.parametrize("case", LOST)
def test_a_command_whose_end_is_lost_is_settled_by_the_check_or_a_person(case, settle):
    after, dead, outcome, asks = LOST[case]
    before = after if after.status is not CheckStatus.SATISFIED else unsatisfied("not there")
    report = lost(before, after, dead=dead, settle=settle)
    assert (report.outcome, report.in_doubt, report.needs_person) == (outcome, asks, asks)


def test_a_lost_command_and_a_check_that_can_not_look_is_left_to_the_next_resume():
    report = lost(unknown(), TargetUnreachableError("no route"), dead=True)
    assert (report.in_doubt, report.needs_person) == (True, False)


def test_a_check_that_found_nothing_there_proves_it():
    action = Switch(unsatisfied("not there"), apply_error=ActionFailedError("quota"))
    assert not try_it(action, settle=True).in_doubt


def test_what_has_no_effect_is_never_in_doubt():
    assert not try_it(Look(NoConnectionError("refused")), settle=True).in_doubt
    assert not try_it(Switch(NoConnectionError("refused")), settle=True, mode=Mode.DRY_RUN).in_doubt


def test_the_token_stays_the_same_until_somebody_learns_what_became_of_it():
    """The reply of the first attempt is lost, the second doesn't reach the target, the third does."""
    reports = iter(
        [
            {"outcome": Outcome.UNREACHABLE, "in_doubt": True},
            {"outcome": Outcome.UNREACHABLE, "in_doubt": True},
            {"outcome": Outcome.CHANGED},
        ]
    )
    action = ActionCall(name="test.reattached")
    plan = plan_of(planned("a", action=action, retry=Retry(attempts=3)))
    simulation = Simulation(plan, make=lambda order: ended(order, **next(reports)))
    assert simulation.advance() == "succeeded"
    orders = simulation.dispatcher.orders
    assert [order.settle for order in orders] == [False, True, True]
    assert len({order.token for order in orders}) == 1


def test_an_order_that_can_not_be_made_proves_nothing_of_the_attempt_in_doubt():
    action = ActionCall(name="test.reattached")
    lost = {"outcome": Outcome.UNREACHABLE, "in_doubt": True}
    simulation = Simulation(plan_of(planned("a", action=action)), make=lambda order: ended(order, **lost))
    assert simulation.advance() == "failed"
    token = simulation.dispatcher.orders[0].token
    wrong = ActionCall(name="test.reattached", params={"word": "{{ nobody_defined_this }}"})
    simulation.plan = plan_of(planned("a", action=wrong))
    assert simulation.advance() == "failed"
    simulation.plan = plan_of(planned("a", action=action))
    assert simulation.advance(make=ended) == "succeeded"
    assert simulation.dispatcher.orders[0].token == token


def test_a_run_does_not_succeed_while_nobody_knows_the_end_of_an_attempt_that_may_fail():
    """Tolerance is for failures; of what is in doubt nobody knows that it failed."""

    def make(order):
        lost = order.task == "a@localhost" and not order.settle
        return ended(order, Outcome.UNREACHABLE, error="no reply", in_doubt=True) if lost else ended(order)

    made = Simulation(plan_of(planned("a", on_failure=OnFailure.CONTINUE), planned("b", needs=["a"])), make=make)
    assert made.advance() == "failed"
    assert made.outcomes()["b@localhost"] == "changed", "what follows goes on all the same"
    assert made.advance() == "succeeded", "the next part finds out"


class Detached(Switch):
    """A detached command: without a start that is found there, it begins."""

    effect = Effect.TOKEN

    def apply(self, params, context):
        context.connection.run_detached(Command(("work",)), token=context.run.token, timeout=1)


def test_a_command_that_may_have_begun_on_another_localhost_is_for_a_person():
    hands = Hands()
    report = try_it(Detached(unknown()), hands=hands, settle=True, elsewhere="laptop 1234")
    assert (report.in_doubt, report.needs_person) == (True, True)
    assert hands.recorder.done == [], "nothing began here"
    assert "laptop" in report.error
    assert "1234" not in report.error


def test_a_check_still_tells_of_what_it_can_see_from_anywhere():
    assert try_it(Switch(satisfied()), settle=True, elsewhere="laptop").outcome is Outcome.UNCHANGED


@pytest.mark.parametrize(
    ("target", "machine", "elsewhere"),
    [("localhost", "there", "here"), ("localhost", "here", ""), ("box", "there", "")],
)
def test_only_localhost_is_another_one_on_another_machine(target, machine, elsewhere):
    def make(order):
        if not order.settle:
            return ended(order, Outcome.UNREACHABLE, error="no reply", in_doubt=True)
        return ended(order, Outcome.FAILED, error="?", in_doubt=True, needs_person=True)

    plan = plan_of(planned("a", [target]), inventory=inventory_of(["box"], {"ansible_connection": "ssh"}))
    made = Simulation(plan, make=make)
    assert made.advance() == "failed"
    made.machine = machine
    for _ in range(2):
        made.advance()
        assert [order.elsewhere for order in made.dispatcher.orders] == [elsewhere], "also when it was asked before"


class Probed(Ended):
    status = DetachedStatus.ABSENT

    def probe_detached(self, token):
        return DetachedState(self.status)


@pytest.mark.parametrize("status", [DetachedStatus.ABSENT, DetachedStatus.RUNNING, DetachedStatus.DONE])
def test_what_is_only_to_be_settled_is_not_begun(status):
    hands = Hands()
    hands.recorder = Probed()
    hands.recorder.status = status
    absent = status is DetachedStatus.ABSENT
    report = try_it(Reattached(unknown()), settle=True, only_settle=True, hands=hands)
    assert report.in_doubt is absent
    assert ("never began" in report.error) is absent
    assert not report.needs_person
