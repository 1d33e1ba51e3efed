"""The loop with attempts that other machines make: enlisted, adopted, taken back, and made by who vanished."""

from support.plans import plan_of, planned
from support.simulation import DOOMSDAY, Quiet, Simulation, ended

from runbook_engine.model.event import AttemptFinished, AttemptStarted, RunAbortRequested, RunContinued, RunPaused
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.runbook import ActionCall, Retry


class _GoneError(BaseException):
    """This process is killed."""


def _killed(order):
    raise _GoneError


def _lost(order):
    return ended(order, Outcome.FAILED, error="its worker vanished", in_doubt=True, lost=True)


def _begin_and_die(simulation):
    try:
        simulation.advance(make=_killed)
    except _GoneError:
        return simulation.kinds(AttemptStarted)[-1]
    raise AssertionError("it went on")


def test_starts_and_ends_are_enlisted_with_the_batch_that_records_them():
    simulation = Simulation(plan_of(planned("a"), planned("b", needs=["a"])))
    assert simulation.advance() == "succeeded"
    assert simulation.dispatcher.enlisted == [("a@localhost", 1), ("b@localhost", 1)]
    assert simulation.dispatcher.ended == [("a@localhost", 1, False), ("b@localhost", 1, False)]


def test_an_attempt_that_somebody_still_makes_is_waited_for_and_no_other_begun():
    simulation = Simulation(plan_of(planned("a"), planned("b", needs=["a"])))
    started = _begin_and_die(simulation)
    order = simulation.dispatcher.orders[0]
    simulation.elsewhere[started.task, 1] = (order, ended(order, seconds=7.0))
    assert simulation.advance() == "succeeded"
    assert [(event.task, event.number) for event in simulation.kinds(AttemptStarted)] == [
        ("a@localhost", 1),
        ("b@localhost", 1),
    ]
    first = simulation.kinds(AttemptFinished)[0]
    assert (first.number, first.seconds) == (1, 7.0)


def test_an_adopted_attempt_that_fails_is_retried_as_any_other():
    retry = Retry(attempts=2)
    simulation = Simulation(plan_of(planned("a", retry=retry)))
    started = _begin_and_die(simulation)
    order = simulation.dispatcher.orders[0]
    simulation.elsewhere[started.task, 1] = (order, ended(order, Outcome.FAILED, error="no"))
    assert simulation.advance() == "succeeded"
    assert [event.number for event in simulation.kinds(AttemptFinished)] == [1, 2]


def test_what_nobody_makes_any_more_is_settled_by_a_new_attempt_with_the_same_token():
    simulation = Simulation(plan_of(planned("a")))
    first = _begin_and_die(simulation)
    assert simulation.advance() == "succeeded"
    again = simulation.kinds(AttemptStarted)[-1]
    assert (again.number, again.settles, again.token) == (2, True, first.token)


def test_when_a_worker_vanished_the_next_attempt_finds_out_at_once_and_it_is_no_try_of_the_steps():
    def make(order):
        return _lost(order) if order.number == 1 else ended(order, Outcome.UNCHANGED)

    simulation = Simulation(plan_of(planned("a")), make=make)
    assert simulation.advance() == "succeeded"
    first, second = simulation.kinds(AttemptStarted)
    assert second.settles
    assert first.token == second.token
    assert simulation.kinds(AttemptFinished)[0].in_doubt


def test_a_task_whose_workers_keep_vanishing_fails_in_doubt():
    simulation = Simulation(plan_of(planned("a")), make=_lost)
    assert simulation.advance() == "failed"
    assert len(simulation.kinds(AttemptStarted)) == 3
    assert simulation.state.task("a@localhost").unproven_end


def test_what_can_not_be_checked_asks_a_person_after_its_worker_vanished():
    def make(order):
        if order.settle:
            return ended(order, Outcome.FAILED, error="who knows", in_doubt=True, needs_person=True)
        return _lost(order)

    simulation = Simulation(plan_of(planned("a", action=ActionCall(name="test.once", params={}))), make=make)
    assert simulation.advance() == "waiting"
    assert len(simulation.kinds(AttemptStarted)) == 2


def test_ctrl_c_takes_back_what_nobody_began_and_a_resume_begins_it():
    def make(order):
        simulation.interrupts.interrupt()
        return ended(order, seconds=DOOMSDAY)

    simulation = Simulation(plan_of(planned("a")), make=make)
    assert simulation.advance() == "interrupted"
    assert simulation.dispatcher.recalled == 1
    assert simulation.kinds(AttemptFinished)[-1].error == "nobody began it"
    simulation.interrupts.count = 0
    assert simulation.advance(make=ended) == "succeeded"


def test_a_pause_takes_it_back_and_it_is_begun_when_the_run_goes_on():
    def make(order):
        if order.number == 1:
            simulation.say(RunPaused(reason="lunch"))
        return ended(order, seconds=DOOMSDAY if order.number == 1 else 1.0)

    class GoesOn(Quiet):
        def event(self, stored):
            if isinstance(stored.event, AttemptFinished) and stored.event.number == 1:
                simulation.say(RunContinued())

    simulation = Simulation(plan_of(planned("a")), make=make, listener=GoesOn())
    assert simulation.advance() == "succeeded"
    assert [event.number for event in simulation.kinds(AttemptFinished)] == [1, 2]


def test_an_abort_takes_it_back_for_good():
    def make(order):
        simulation.say(RunAbortRequested(reason="stop"))
        return ended(order, seconds=DOOMSDAY)

    simulation = Simulation(plan_of(planned("a"), planned("b", needs=["a"])), make=make)
    assert simulation.advance() == "aborted"
    assert [event.number for event in simulation.kinds(AttemptStarted)] == [1]
