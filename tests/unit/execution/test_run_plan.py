"""The loop: order of writing and doing, retries, gates, doubts, interrupts, dry runs; on a virtual clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.plans import plan_of, planned
from support.simulation import HOLDER, Do, FakeCatalog, Once, Simulation, ended

from runbook_engine.actions.gate import Approval
from runbook_engine.model.errors import JournalUnavailableError
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    LeaseLost,
    RunClosed,
    TaskBlocked,
    TaskResolved,
)
from runbook_engine.model.outcome import CheckStatus, Finding, Grade, Mode, Outcome
from runbook_engine.model.runbook import ActionCall, OnFailure, Retry

OTHER = replace(HOLDER, pid=2)


def gate(step_id: str, needs=(), **params):
    call = ActionCall(name="gate.approval", params={"roles": ["director"], **params})
    return planned(step_id, needs=needs, action=call)


def with_gates(plan, **more) -> Simulation:
    return Simulation(plan, catalog=FakeCatalog(Do(), Once(), Approval()), **more)


def approval(simulation: Simulation, task: str) -> GateApproved:
    return GateApproved(task=task, person="dana", role="director", fingerprint=simulation.plan.fingerprint)


def test_the_intent_is_durable_before_anything_is_touched():
    written_at_submit = {}

    def make(order):
        written_at_submit[order.task] = {event.task for event in simulation.kinds(AttemptStarted)}
        return ended(order)

    simulation = Simulation(plan_of(planned("a"), planned("b", needs=["a"])), make=make)
    assert simulation.advance() == "succeeded"
    assert written_at_submit == {"a@localhost": {"a@localhost"}, "b@localhost": {"a@localhost", "b@localhost"}}


def test_what_is_independent_runs_at_the_same_time_up_to_the_forks():
    plan = plan_of(planned("a", [f"t{n}" for n in range(10)]))
    simulation = Simulation(plan)
    assert simulation.advance(forks=3) == "succeeded"
    assert simulation.dispatcher.most_at_once == 3
    assert simulation.clock.seconds < 4.5, "ten tasks of a second, three at a time"


def test_what_had_no_room_yet_is_blocked_when_its_step_fails():
    def make(order):
        return ended(order, Outcome.FAILED if order.target.name == "t0" else Outcome.CHANGED, error="no")

    plan = plan_of(planned("a", [f"t{n}" for n in range(10)]), planned("b"))
    simulation = Simulation(plan, make=make)
    assert simulation.advance(forks=3) == "failed"
    assert [event.task for event in simulation.kinds(AttemptStarted)] == ["a@t0", "a@t1", "a@t2", "b@localhost"]
    assert [event.task for event in simulation.kinds(TaskBlocked)] == [f"a@t{n}" for n in range(3, 10)]
    assert {event.because for event in simulation.kinds(TaskBlocked)} == {"step a failed"}


def test_a_failure_within_what_is_tolerated_withdraws_nothing():
    def make(order):
        return ended(order, Outcome.FAILED if order.target.name == "t0" else Outcome.CHANGED, error="no")

    plan = plan_of(planned("a", [f"t{n}" for n in range(10)], max_failures=1))
    simulation = Simulation(plan, make=make)
    assert simulation.advance(forks=3) == "succeeded"
    assert len(simulation.kinds(AttemptStarted)) == 10


def test_a_task_that_waits_for_its_next_try_is_left_to_end_when_its_step_fails():
    def make(order):
        if order.target.name == "t0":
            return ended(order, Outcome.FAILED, seconds=3.0 if order.number == 2 else 1.0, error="no")
        return ended(order, Outcome.FAILED if order.number == 1 else Outcome.CHANGED, seconds=4.5, error="no")

    retry = Retry(attempts=2, delay=timedelta(seconds=2), backoff=1)
    plan = plan_of(planned("a", ["t0", "t1", "t2"], retry=retry))
    simulation = Simulation(plan, make=make)
    assert simulation.advance(forks=2) == "failed"
    tried = [(event.task, event.number) for event in simulation.kinds(AttemptStarted)]
    assert ("a@t1", 2) in tried, "it was begun, and is not given up between two tries"


def test_a_withdrawn_task_gives_its_mutex_back():
    def make(order):
        return ended(order, Outcome.FAILED if order.target.name == "t0" else Outcome.CHANGED, error="no")

    plan = plan_of(planned("a", ["t0", "t1"], mutex="m"), planned("b", ["t0"], mutex="m"))
    simulation = Simulation(plan, make=make)
    assert simulation.advance(forks=1) == "failed"
    assert [event.task for event in simulation.kinds(AttemptStarted)] == ["a@t0", "b@t0"]


def test_what_was_refused_for_good_is_not_retried():
    simulation = Simulation(
        plan_of(planned("a", retry=Retry(attempts=3, delay=timedelta(seconds=10)))),
        make=lambda order: ended(order, Outcome.FAILED, error="no", for_good=True),
    )
    assert simulation.advance() == "failed"
    assert len(simulation.kinds(AttemptStarted)) == 1


def test_a_failed_attempt_is_retried_with_growing_delays_and_new_tokens():
    plan = plan_of(
        planned("a", retry=Retry(attempts=3, delay=timedelta(seconds=10), backoff=2, max_delay=timedelta(minutes=5)))
    )

    def make(order):
        starts.append(simulation.clock.seconds)
        return ended(order, Outcome.FAILED if order.number < 3 else Outcome.CHANGED, seconds=0.5, error="no")

    starts: list[float] = []
    simulation = Simulation(plan, make=make)
    assert simulation.advance() == "succeeded"
    assert [round(b - a) for a, b in zip(starts, starts[1:], strict=False)] == [10, 20]
    tokens = [event.token for event in simulation.kinds(AttemptStarted)]
    assert len(set(tokens)) == 3, "each logical attempt has its own token"


def test_a_lost_attempt_is_retried_with_the_same_token_and_settled():
    retry = Retry(attempts=2, delay=timedelta(seconds=1))
    plan = plan_of(planned("a", retry=retry, action=ActionCall(name="test.reattached")))

    def make(order):
        if order.number == 1:
            return ended(order, Outcome.UNREACHABLE, error="gone", in_doubt=True)
        return ended(order)

    simulation = Simulation(plan, make=make)
    assert simulation.advance() == "succeeded"
    first, second = simulation.dispatcher.orders
    assert first.token == second.token
    assert (first.settle, second.settle) == (False, True)
    assert simulation.dispatcher.forgotten == [second.token], "nothing is forgotten while its end is not proven"


def test_what_leaves_nothing_on_its_target_is_not_tidied_up():
    simulation = Simulation(plan_of(planned("a")))
    assert simulation.advance() == "succeeded"
    assert simulation.dispatcher.forgotten == []


def test_until_holds_a_good_end_back():
    plan = plan_of(planned("a", retry=Retry(attempts=3, delay=timedelta(seconds=1), until="result.lag == 0")))
    simulation = Simulation(plan, make=lambda order: ended(order, outputs={"lag": 2 - order.number}))
    assert simulation.advance() == "succeeded"
    errors = [event.error for event in simulation.kinds(AttemptFinished)]
    assert errors == ["until: result.lag == 0 is not true yet", ""]


def test_without_anybody_to_ask_a_gate_ends_the_process_and_nothing_else_is_held_up():
    plan = plan_of(gate("declare", expires="30m"), planned("restore", needs=["declare"]), planned("warn"))
    simulation = with_gates(plan)
    assert simulation.advance() == "waiting"
    assert simulation.outcomes() == {"warn@localhost": "changed"}
    assert isinstance(simulation.events[-1], LeaseLost)
    assert simulation.kinds(GateOpened)[0].roles == ("director",)


def test_an_approval_from_elsewhere_lets_the_run_go_on_after_a_resume():
    plan = plan_of(gate("declare"), planned("restore", needs=["declare"]))
    simulation = with_gates(plan)
    assert simulation.advance() == "waiting"
    simulation.say(approval(simulation, "declare@localhost"))
    assert simulation.advance() == "succeeded"
    assert simulation.outcomes() == {"declare@localhost": "unchanged", "restore@localhost": "changed"}
    assert len(simulation.kinds(GateOpened)) == 1, "the gate was not opened twice"
    assert simulation.state.task("declare@localhost").outputs == {"approvers": ["dana"]}


def test_an_approval_is_seen_by_a_run_that_waits():
    plan = plan_of(gate("declare"), planned("slow"), planned("restore", needs=["declare"]))

    def make(order):
        if order.step == "slow":
            simulation.say(approval(simulation, "declare@localhost"))
            return ended(order, seconds=60)
        restored_at.append(simulation.clock.seconds)
        return ended(order)

    restored_at: list[float] = []
    simulation = with_gates(plan, make=make)
    assert simulation.advance() == "succeeded"
    assert restored_at[0] < 1, "an approval takes effect within a second"


def test_an_approval_of_another_plan_does_not_count():
    plan = plan_of(gate("declare"))
    simulation = with_gates(plan)
    simulation.advance()
    simulation.say(GateApproved(task="declare@localhost", person="dana", role="director", fingerprint="other"))
    assert simulation.advance() == "waiting"


def test_a_declined_gate_fails_and_blocks_and_is_opened_again_by_a_resume():
    plan = plan_of(gate("declare"), planned("restore", needs=["declare"]))
    simulation = with_gates(plan)
    simulation.advance()
    simulation.say(
        GateDeclined(task="declare@localhost", person="dana", role="director", reason="no", fingerprint="f" * 64)
    )
    assert simulation.advance() == "failed"
    assert simulation.outcomes() == {"declare@localhost": "failed", "restore@localhost": "blocked"}
    assert simulation.advance() == "waiting"
    assert len(simulation.kinds(GateOpened)) == 2


def test_a_gate_expires():
    simulation = with_gates(plan_of(gate("declare", expires="30m")))
    assert simulation.advance(wait=True) == "failed"
    assert simulation.kinds(GateExpired)
    assert 1800 <= simulation.clock.seconds < 1805


def test_an_effect_that_nobody_can_check_waits_for_a_person():
    once = ActionCall(name="test.once")
    plan = plan_of(planned("mail", action=once, retry=Retry(attempts=5)), planned("after", needs=["mail"]))

    def make(order):
        if order.step == "mail" and order.number == 1:
            return ended(order, Outcome.FAILED, error="broke off", in_doubt=True, needs_person=True)
        return ended(order)

    simulation = Simulation(plan, make=make)
    assert simulation.advance() == "waiting"
    assert len(simulation.dispatcher.orders) == 1, "it is never sent again blindly"
    simulation.say(TaskResolved(task="mail@localhost", number=1, truth="done", reason="it is in the archive"))
    assert simulation.advance() == "succeeded"
    assert simulation.outcomes() == {"mail@localhost": "changed", "after@localhost": "changed"}


def test_resolved_as_retry_it_is_a_new_logical_attempt():
    plan = plan_of(planned("mail", action=ActionCall(name="test.once")))

    def make(order):
        doubt = order.number == 1
        return ended(order, Outcome.FAILED if doubt else Outcome.CHANGED, in_doubt=doubt, needs_person=doubt)

    simulation = Simulation(plan, make=make)
    simulation.advance()
    simulation.say(TaskResolved(task="mail@localhost", number=1, truth="retry"))
    assert simulation.advance() == "succeeded"
    first, second = simulation.kinds(AttemptStarted)
    assert first.token != second.token
    assert not second.settles


def test_ctrl_c_once_starts_nothing_new_and_finishes_what_runs():
    plan = plan_of(planned("a"), planned("b", needs=["a"]))

    def make(order):
        simulation.interrupts.interrupt()
        return ended(order, seconds=30)

    simulation = Simulation(plan, make=make)
    assert simulation.advance() == "interrupted"
    assert simulation.outcomes() == {"a@localhost": "changed"}
    simulation.interrupts.count = 0
    assert simulation.advance(make=ended) == "succeeded"
    assert [order.step for order in simulation.dispatcher.orders] == ["b"]


def test_ctrl_c_twice_cancels_and_does_not_wait_for_ever():
    plan = plan_of(planned("a"))

    def make(order):
        simulation.interrupts.interrupt()
        simulation.interrupts.interrupt()
        return ended(order, seconds=3600)

    simulation = Simulation(plan, make=make)
    assert simulation.advance() == "interrupted"
    assert simulation.dispatcher.cancelled == ["a@localhost"]
    assert simulation.clock.seconds < 30
    simulation.interrupts.count = 0
    simulation.advance(make=ended)
    assert simulation.dispatcher.orders[0].settle, "what was cut off is in doubt, and settled first"


def test_a_run_with_a_tolerated_failure_succeeds_and_one_with_another_fails():
    plan = plan_of(planned("a", on_failure=OnFailure.CONTINUE), planned("b", needs=["a"]))
    simulation = Simulation(
        plan, make=lambda order: ended(order, Outcome.FAILED if order.step == "a" else Outcome.CHANGED)
    )
    assert simulation.advance() == "succeeded"
    assert simulation.kinds(RunClosed)[0].counts == {Outcome.FAILED: 1, Outcome.CHANGED: 1}


def test_skipped_steps_say_why():
    plan = plan_of(planned("a"), planned("b", needs=["a"], when="1 > 2"), planned("c", needs=["b"]))
    simulation = Simulation(plan)
    assert simulation.advance(skip={"a": "done by hand"}) == "succeeded"
    assert simulation.outcomes() == {"a@localhost": "skipped", "b@localhost": "skipped", "c@localhost": "changed"}
    assert simulation.state.task("a@localhost").reason == "done by hand"
    assert simulation.state.task("b@localhost").reason == "when: 1 > 2 is false"


def test_outputs_reach_the_templates_of_later_steps():
    call = ActionCall(name="test.do", params={"url": "http://{{ steps['a'].endpoint }}/", "port": "{{ steps.a.port }}"})
    plan = plan_of(planned("a"), planned("b", needs=["a"], action=call))
    simulation = Simulation(plan, make=lambda order: ended(order, outputs={"endpoint": "db.example", "port": 5432}))
    simulation.advance()
    assert simulation.dispatcher.orders[1].parameters == {"url": "http://db.example/", "port": 5432}


def test_a_template_that_can_not_be_rendered_fails_its_task_only():
    call = ActionCall(name="test.do", params={"url": "{{ steps['a'].endpont }}"})
    plan = plan_of(planned("a"), planned("b", needs=["a"], action=call), planned("c"))
    simulation = Simulation(plan, make=lambda order: ended(order, outputs={"endpoint": "db.example"}))
    assert simulation.advance() == "failed"
    assert "endpont" in simulation.state.task("b@localhost").reason
    assert simulation.outcomes()["c@localhost"] == "changed"


def test_text_from_a_host_is_never_a_template():
    call = ActionCall(name="test.do", params={"text": "{{ steps['a'].stdout }}"})
    plan = plan_of(planned("a"), planned("b", needs=["a"], action=call))
    hostile = "{{ secret('env:HOME') }}"
    simulation = Simulation(plan, make=lambda order: ended(order, outputs={"stdout": hostile}))
    simulation.advance()
    order = simulation.dispatcher.orders[1]
    assert order.parameters == {"text": hostile}
    assert order.secrets == {}


def test_a_dry_run_asks_nobody_and_says_what_is_known_after_apply():
    call = ActionCall(name="test.do", params={"url": "{{ steps['restore'].endpoint }}"})
    plan = plan_of(
        gate("declare"),
        planned("restore", needs=["declare"]),
        planned("deploy", needs=["restore"], action=call),
        planned("verify", needs=["deploy"]),
    )

    def make(order):
        if order.step == "restore":
            finding = Finding(status=CheckStatus.UNSATISFIED, summary="would restore")
            return ended(order, Outcome.WOULD_CHANGE, finding=finding, grade=Grade.SIMULATED)
        assert order.taints, "what follows a change that was not made proves nothing when it is not satisfied"
        return ended(order, Outcome.UNCHANGED, grade=Grade.PROVEN)

    simulation = with_gates(plan, make=make, mode=Mode.DRY_RUN)
    assert simulation.advance() == "succeeded"
    assert simulation.outcomes() == {
        "declare@localhost": "would-change",
        "restore@localhost": "would-change",
        "deploy@localhost": "unproven",
        "verify@localhost": "unchanged",
    }
    deploy = next(event for event in simulation.kinds(AttemptFinished) if event.task == "deploy@localhost")
    assert deploy.finding.summary == "depends on steps['restore'].endpoint, known after apply"
    assert simulation.kinds(RunClosed)[0].proven == 0.25


def test_a_mutex_is_kept_across_runs():
    plan = plan_of(planned("dns", mutex="zone"), planned("other"))
    began: dict[str, float] = {}

    def make(order):
        began[order.step] = simulation.clock.seconds
        return ended(order, seconds=20)

    # The journal in memory takes time from the same clock: the other run's lease ends after ten seconds.
    simulation = Simulation(plan, make=make, dead=False)
    simulation.journal.take_lease("mutex:zone", OTHER, 10)
    assert simulation.advance() == "succeeded"
    assert began["other"] == 0, "nobody else is held up"
    assert 10 <= began["dns"] < 12
    assert simulation.journal.lease("mutex:zone") is None, "it is given back"


class Away:
    """A journal that can't be written for some seconds."""

    def __init__(self, simulation, until: float) -> None:
        self._simulation, self._until = simulation, until

    def append(self, *arguments, **keywords):
        if 5 <= self._simulation.clock.seconds < self._until:
            raise JournalUnavailableError("the disk is full")
        return self._simulation.journal.append(*arguments, **keywords)

    def __getattr__(self, name):
        return getattr(self._simulation.journal, name)


def test_while_the_journal_is_away_nothing_is_begun_and_then_it_goes_on():
    began = {}

    def make(order):
        began[order.step] = simulation.clock.seconds
        return ended(order, seconds=6)

    simulation = Simulation(plan_of(planned("a"), planned("b", needs=["a"])), make=make)
    assert simulation.advance(journal=Away(simulation, until=20)) == "succeeded"
    assert began["b"] >= 20
    assert simulation.listener.warnings == ["nothing new is started: the disk is full"]


def test_a_journal_that_stays_away_ends_the_process_and_a_resume_loses_nothing():
    simulation = Simulation(
        plan_of(planned("a"), planned("b", needs=["a"])), make=lambda order: ended(order, seconds=6)
    )
    with pytest.raises(JournalUnavailableError):
        simulation.advance(journal=Away(simulation, until=10_000))
    assert [order.step for order in simulation.dispatcher.orders] == ["a"]
    assert simulation.clock.seconds < 60
    assert simulation.advance() == "succeeded"
    assert simulation.dispatcher.orders[0].settle, "its end was not recorded, so it is in doubt"


def test_a_gate_that_expired_while_nobody_waited_is_asked_anew():
    simulation = with_gates(plan_of(gate("declare", expires="30m")))
    assert simulation.advance() == "waiting"
    simulation.clock.sleep(3600)
    assert simulation.advance() == "waiting"
    assert [event.kind for event in simulation.events if event.kind.startswith("gate")] == [
        "gate.opened", "gate.expired", "gate.opened"
    ]  # fmt: skip
    simulation.say(approval(simulation, "declare@localhost"))
    assert simulation.advance() == "succeeded"


def test_an_approval_in_time_counts_however_late_the_run_goes_on():
    simulation = with_gates(plan_of(gate("declare", expires="30m")))
    simulation.advance()
    simulation.say(approval(simulation, "declare@localhost"))
    simulation.clock.sleep(3600)
    assert simulation.advance() == "succeeded"


def test_a_dry_run_does_not_know_the_outcome_of_what_it_did_not_do():
    plan = plan_of(planned("cp"), planned("tell", needs=["cp"], when="steps['cp'].outcome == 'changed'"))
    finding = Finding(status=CheckStatus.UNSATISFIED)
    simulation = Simulation(
        plan,
        mode=Mode.DRY_RUN,
        make=lambda order: ended(order, Outcome.WOULD_CHANGE, finding=finding, grade=Grade.SIMULATED),
    )
    assert simulation.advance() == "succeeded"
    assert simulation.outcomes() == {"cp@localhost": "would-change", "tell@localhost": "unproven"}


def test_what_a_failed_attempt_got_done_reaches_the_next_attempt_also_after_a_resume():
    plan = plan_of(planned("mail", retry=Retry(attempts=2, delay=timedelta(seconds=1))))

    def make(order):
        done = {"accepted": [f"r{n}" for n in range(order.number)]}
        return ended(order, Outcome.FAILED, outputs=done, error="one was refused")

    simulation = Simulation(plan, make=make)
    assert simulation.advance() == "failed"
    assert [order.recorded for order in simulation.dispatcher.orders] == [{}, {"accepted": ["r0"]}]
    assert simulation.advance(make=ended) == "succeeded"
    assert simulation.dispatcher.orders[0].recorded == {"accepted": ["r0", "r1"]}
