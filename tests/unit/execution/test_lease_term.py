"""An engine that was frozen changes nothing with a lease that may be another's by now."""

import pytest
from support.attempts import Fill, Hands, Recorder, Switch
from support.plans import plan_of, planned
from support.simulation import FakeCatalog, Simulation, VirtualClock, ended

from runbook_engine.execution.attempt import attempt
from runbook_engine.execution.attempt_parts import AttemptTools
from runbook_engine.execution.lease_term import LeaseTerm
from runbook_engine.model.inventory import Target
from runbook_engine.model.outcome import Mode, Outcome, satisfied, unsatisfied
from runbook_engine.ports.action import Applied, Effect
from runbook_engine.ports.cancel import CancelSignal
from runbook_engine.ports.connection import Command, CommandResult
from runbook_engine.ports.dispatcher import AttemptOrder
from runbook_engine.secrets.redaction import SecretRedactor

ORDER = AttemptOrder(
    run="r", task="s@t", step="s", number=1, action="test.switch", parameters={}, secrets={}, target=Target(name="t"),
    mode=Mode.LIVE, runbook="b", operator="dana", token="tok", timeout=60.0,
)  # fmt: skip


class Sleeps(VirtualClock):
    """Somebody renews the lease while the attempt waits, at that time; None never."""

    def __init__(self, term, renewed_at):
        super().__init__()
        self.term, self.renewed_at = term, renewed_at

    def wait(self, event, seconds):
        ended = super().wait(event, seconds)
        if self.renewed_at is not None and self.seconds >= self.renewed_at:
            self.term.renewed(self.seconds, 15.0)
        return ended


class SlowLogin(Recorder):
    """A connection whose login takes so long, in which the engine may be frozen; says when commands began."""

    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds, self.begun_at = clock, seconds, []

    def run_detached(self, command, *, token, timeout, on_output=None, ready=None):
        self.clock.seconds += self.seconds
        ready()
        self.begun_at.append(self.clock.seconds)
        return CommandResult(0)


class Runs(Switch):
    """Runs a command at the target."""

    effect = Effect.TOKEN

    def __init__(self):
        super().__init__(unsatisfied("off"), satisfied("on"))

    def apply(self, params, context):
        context.connection.run_detached(Command(("true",)), token=context.run.token, timeout=context.remaining())
        return Applied(summary="ran")


class Freezes(Switch):
    """The engine is frozen while the check looks."""

    def __init__(self, clock, seconds):
        super().__init__(unsatisfied("off"), satisfied("on"))
        self.clock, self.frozen, self.applied_at = clock, seconds, None

    def check(self, params, context):
        self.clock.seconds += self.frozen
        self.frozen = 0
        return super().check(params, context)

    def apply(self, params, context):
        self.applied_at = self.clock.seconds
        return super().apply(params, context)


def attempted(renewed_at, *, frozen=20.0):
    term = LeaseTerm()
    term.renewed(0.0, 15.0)
    clock = Sleeps(term, renewed_at)
    action = Freezes(clock, frozen)
    tools = AttemptTools(FakeCatalog(action), Hands(), Fill(), SecretRedactor(), clock, term=term)
    report = attempt(ORDER, tools, cancelled=CancelSignal(), on_progress=lambda _: None)
    return report, action


def test_within_the_lease_nothing_waits():
    report, action = attempted(None, frozen=5.0)
    assert (report.outcome, action.applied_at) == (Outcome.CHANGED, 5.0)


def test_who_wakes_behind_the_lease_waits_until_it_is_renewed():
    report, action = attempted(23.0)
    assert report.outcome is Outcome.CHANGED
    assert action.applied_at >= 23.0


def test_without_a_renewal_nothing_is_changed_and_nothing_is_in_doubt():
    report, action = attempted(None)
    assert (report.outcome, report.in_doubt, action.applied) == (Outcome.FAILED, False, 0)


def test_the_margin_is_before_the_end():
    report, _ = attempted(None, frozen=14.5)
    assert report.outcome is Outcome.FAILED


def test_the_loop_tells_the_attempts_of_each_renewal():
    seen = []

    def make(order):
        seen.append(made.term._until - made.clock.seconds)
        return ended(order, seconds=40.0)

    made = Simulation(plan_of(planned("a"), planned("b", needs=["a"]), planned("c", needs=["b"])), make=make)
    assert made.advance() == "succeeded"
    assert len(seen) == 3
    assert all(0 < left <= 15.0 for left in seen)


@pytest.mark.parametrize(
    ("login", "renewed_at", "begun_at"),
    [(5.0, None, [5.0]), (20.0, 23.0, [pytest.approx(24.0, abs=2)]), (20.0, None, [])],
)
def test_who_was_frozen_while_it_logged_in_begins_nothing_before_the_lease_is_renewed(login, renewed_at, begun_at):
    term = LeaseTerm()
    term.renewed(0.0, 15.0)
    clock, hands = Sleeps(term, renewed_at), Hands()
    hands.recorder = SlowLogin(clock, login)
    tools = AttemptTools(FakeCatalog(Runs()), hands, Fill(), SecretRedactor(), clock, term=term)
    report = attempt(ORDER, tools, cancelled=CancelSignal(), on_progress=lambda _: None)
    assert hands.recorder.begun_at == begun_at
    assert report.outcome is (Outcome.CHANGED if begun_at else Outcome.FAILED)


@pytest.mark.parametrize(("settles", "begun_at"), [(True, [15.0]), (False, [3.0])])
def test_what_another_may_have_begun_is_settled_when_that_one_can_begin_nothing_any_more(settles, begun_at):
    term = LeaseTerm()
    clock, hands = VirtualClock(), Hands()
    term.displaced(clock.monotonic(), 15.0)
    clock.seconds = 3.0
    hands.recorder = SlowLogin(clock, 0.0)
    tools = AttemptTools(FakeCatalog(Runs()), hands, Fill(), SecretRedactor(), clock, term=term)
    order = ORDER._replace(settle=settles, timeout=10.0)
    report = attempt(order, tools, cancelled=CancelSignal(), on_progress=lambda _: None)
    assert (report.outcome, hands.recorder.begun_at) == (Outcome.CHANGED, begun_at)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_a_short_lease_has_a_small_margin(seconds):
    term = LeaseTerm()
    term.renewed(0.0, seconds)
    assert 0 < term._until < seconds
