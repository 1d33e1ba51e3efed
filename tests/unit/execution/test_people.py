"""People in command of a run: holds, pause, abort; on a virtual clock."""

from datetime import timedelta

import pytest
from support.plans import plan_of, planned
from support.simulation import RUN, Attempted, Do, FakeCatalog, Once, Quiet, Simulation, ended

from runbook_engine.actions.gate import Approval, ManualTask, Window
from runbook_engine.model.event import (
    AttemptStarted,
    GateApproved,
    GateOpened,
    HoldOpened,
    HoldResolved,
    LeaseLost,
    ManualAnswered,
    RevertDue,
    RunAbortRequested,
    RunClosed,
    RunContinued,
    RunPaused,
    TaskBlocked,
)
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.runbook import ActionCall, OnFailure, Retry

HOLD = OnFailure.HOLD


class Says(Quiet):
    """A listener that says things from another process: the first of them as soon as `when` is seen, and so on."""

    def __init__(self, *script) -> None:
        super().__init__()
        self.script = list(script)
        self.simulation: Simulation | None = None
        self.said_at: list[float] = []

    def event(self, stored) -> None:
        super().event(stored)
        if self.script and self.script[0][0](stored.event):
            _, *events = self.script.pop(0)
            for event in events:
                self.said_at.append(self.simulation.clock.seconds)
                self.simulation.say(event)


def simulation(plan, *script, **more) -> Simulation:
    listener = Says(*script)
    made = Simulation(
        plan, catalog=FakeCatalog(Do(), Once(), Approval(), ManualTask(), Window()), listener=listener, **more
    )
    listener.simulation = made
    return made


def opened(task: str):
    return lambda event: isinstance(event, HoldOpened) and event.task == task


def begun(task: str, number: int = 1):
    return lambda event: isinstance(event, AttemptStarted) and (event.task, event.number) == (task, number)


def failing(*tasks: str, until: int = 99, outcome: Outcome = Outcome.FAILED):
    """Attempts of these tasks fail, before the one of that number."""

    def make(order) -> Attempted:
        bad = order.task in tasks and order.number < until
        return ended(order, outcome if bad else Outcome.CHANGED, error="boom" if bad else "")

    return make


def decided(task: str, decision: str) -> HoldResolved:
    return HoldResolved(task=task, decision=decision, reason="I looked")


def tried(made: Simulation) -> list[str]:
    return [event.task for event in made.kinds(AttemptStarted)]


FORK = plan_of(planned("a", on_failure=HOLD), planned("b", needs=["a"]), planned("c"), planned("d", needs=["c"]))


def test_a_failed_task_is_held_its_dependents_wait_and_others_go_on():
    made = simulation(FORK, make=failing("a@localhost"))
    assert made.advance() == "waiting"
    assert tried(made) == ["a@localhost", "c@localhost", "d@localhost"]
    assert made.kinds(HoldOpened) == [HoldOpened(task="a@localhost", reason="boom")]
    assert made.kinds(TaskBlocked) == []
    assert "a@localhost" in made.kinds(LeaseLost)[-1].reason


def test_it_is_held_after_its_retries():
    retry = Retry(attempts=3, delay=timedelta(seconds=1))
    made = simulation(plan_of(planned("a", on_failure=HOLD, retry=retry)), make=failing("a@localhost"))
    assert made.advance() == "waiting"
    assert (len(tried(made)), len(made.kinds(HoldOpened))) == (3, 1)


@pytest.mark.parametrize(
    ("decision", "end", "outcome", "dependent"),
    [
        ("retry", "succeeded", "changed", "changed"),
        ("skip", "succeeded", "skipped", "changed"),
        ("ignore", "succeeded", "unreachable", "changed"),
        ("abort", "failed", "unreachable", "blocked"),
    ],
)
def test_the_operator_decides_while_the_run_waits(decision, end, outcome, dependent):
    script = (opened("a@localhost"), decided("a@localhost", decision))
    made = simulation(FORK, script, make=failing("a@localhost", until=2, outcome=Outcome.UNREACHABLE))
    assert made.advance(wait=True) == end
    assert (made.outcomes()["a@localhost"], made.outcomes()["b@localhost"]) == (outcome, dependent)


@pytest.mark.parametrize(("decision", "end"), [("retry", "succeeded"), ("skip", "succeeded"), ("ignore", "succeeded")])
def test_the_decision_counts_when_the_run_is_resumed_later(decision, end):
    made = simulation(FORK, make=failing("a@localhost", until=2))
    assert made.advance() == "waiting"
    made.say(decided("a@localhost", decision))
    assert made.advance() == end
    assert tried(made).count("a@localhost") == (2 if decision == "retry" else 1)


def test_a_held_task_that_nobody_decided_on_stays_held_when_the_run_is_resumed():
    made = simulation(FORK, make=failing("a@localhost"))
    assert (made.advance(), made.advance()) == ("waiting", "waiting")
    assert (tried(made).count("a@localhost"), len(made.kinds(HoldOpened))) == (1, 1)


def test_an_ignored_failure_stays_ignored_when_the_run_is_resumed_once_more():
    made = simulation(FORK, (opened("a@localhost"), decided("a@localhost", "ignore")), make=failing("a@localhost"))
    made.say(RunPaused())
    assert made.advance() == "waiting"
    made.say(RunContinued())
    assert made.advance(wait=True) == "succeeded"
    assert made.kinds(RunClosed)[-1].counts[Outcome.FAILED] == 1


def test_what_a_step_tolerates_is_not_held():
    plan = plan_of(planned("a", ["t0", "t1"], on_failure=HOLD, max_failures=1))
    made = simulation(plan, make=failing("a@t0"))
    assert made.advance() == "succeeded"
    assert made.kinds(HoldOpened) == []


def test_a_dry_run_holds_nothing():
    made = simulation(FORK, make=failing("a@localhost"), mode=Mode.DRY_RUN)
    assert made.advance() == "failed"
    assert made.kinds(HoldOpened) == []


def test_a_retry_has_all_its_tries_again_and_a_new_token():
    retry = Retry(attempts=2, delay=timedelta(seconds=1))
    plan = plan_of(planned("a", on_failure=HOLD, retry=retry))
    made = simulation(
        plan, (opened("a@localhost"), decided("a@localhost", "retry")), make=failing("a@localhost", until=4)
    )
    assert made.advance(wait=True) == "succeeded"
    tokens = [event.token for event in made.kinds(AttemptStarted)]
    assert len(tokens) == len(set(tokens)) == 4


def test_a_declined_gate_is_held_and_asked_anew():
    gate = ActionCall(name="gate.approval", params={"roles": ["director"], "expires": "1m"})
    plan = plan_of(planned("go", on_failure=HOLD, action=gate))
    made = simulation(plan, (opened("go@localhost"), decided("go@localhost", "retry")))
    assert made.advance() == "waiting"
    made.clock.seconds += 600
    assert made.advance() == "waiting"
    assert len(made.kinds(GateOpened)) == 2


CHAIN = plan_of(planned("a"), planned("b", needs=["a"]), planned("c", needs=["b"]))


def test_a_paused_run_starts_nothing_new_until_it_is_continued():
    made = simulation(CHAIN, (begun("a@localhost"), RunPaused(reason="wait")))
    ends = []
    receive = made.clock.monotonic

    def monotonic() -> float:
        if made.clock.seconds > 100 and not ends:
            ends.append(tried(made))
            made.say(RunContinued())
        return receive()

    made.clock.monotonic = monotonic
    assert made.advance() == "succeeded"
    assert ends == [["a@localhost"]], "what ran was left to end, and for a hundred seconds nothing followed"
    assert made.clock.seconds < 100 + 2 + 1, "the rest took two seconds, and was begun within one"


def test_a_run_that_is_resumed_paused_says_so_unless_it_may_wait():
    made = simulation(CHAIN)
    made.say(RunPaused(reason="wait"))
    assert made.advance() == "waiting"
    assert made.kinds(LeaseLost)[-1].reason == "is paused"
    made.say(RunContinued())
    assert made.advance() == "succeeded"


def test_an_aborted_run_starts_nothing_new_but_what_is_always_done():
    plan = plan_of(planned("a"), planned("b", needs=["a"]), planned("tidy", needs=["b"], always=True), planned("c"))
    made = simulation(plan, (begun("a@localhost"), RunAbortRequested(reason="wrong region")))
    assert made.advance(forks=1) == "aborted"
    assert tried(made) == ["a@localhost", "tidy@localhost"]
    assert made.outcomes()["a@localhost"] == "changed", "what ran was left to end"
    blocked = {event.task: event.because for event in made.kinds(TaskBlocked)}
    assert blocked == dict.fromkeys(["b@localhost", "c@localhost"], "the run was aborted: wrong region")
    assert made.dispatcher.cancelled == []


def test_what_is_always_done_waits_for_what_still_runs():
    plan = plan_of(planned("a"), planned("b", needs=["a"]), planned("tidy", needs=["b"], always=True))
    made = simulation(plan, (begun("a@localhost"), RunAbortRequested(reason="over")))
    assert made.advance(make=lambda order: ended(order, seconds=5.0)) == "aborted"
    assert (tried(made), made.dispatcher.most_at_once) == (["a@localhost", "tidy@localhost"], 1)


def test_it_cancels_what_runs_when_told_to():
    plan = plan_of(planned("a"), planned("tidy", always=True))
    made = simulation(plan, (begun("tidy@localhost"), RunAbortRequested(cancel=True)))
    assert made.advance() == "aborted"
    assert made.dispatcher.cancelled == ["a@localhost"]


def test_an_abort_gives_up_holds_gates_doubts_and_what_is_to_be_tried_again():
    gate = ActionCall(name="gate.approval", params={"roles": ["director"]})
    once = ActionCall(name="test.once")
    plan = plan_of(
        planned("held", on_failure=HOLD),
        planned("gate", action=gate),
        planned("doubt", action=once),
        planned("again", retry=Retry(attempts=5, delay=timedelta(hours=1), max_delay=timedelta(hours=2))),
        planned("long"),
        planned("end", needs=["held", "gate", "doubt", "again", "long"], always=True),
    )

    def make(order) -> Attempted:
        match order.step:
            case "doubt":
                return ended(order, Outcome.FAILED, error="?", in_doubt=True, needs_person=True)
            case "long":
                return ended(order, seconds=5.0)
            case _:
                return ended(order, Outcome.CHANGED if order.step == "end" else Outcome.FAILED, error="no")

    made = simulation(plan, (opened("held@localhost"), RunAbortRequested(reason="over")), make=make)
    assert made.advance() == "aborted"
    assert made.clock.seconds < 10
    assert tried(made)[-1] == "end@localhost"
    assert tried(made).count("again@localhost") == 1
    assert made.outcomes()["gate@localhost"] == "blocked"
    assert made.state.task("doubt@localhost").phase == "in doubt", "nobody knows, and the record does not pretend to"
    assert made.state.task("held@localhost").phase == "ended"


def test_an_abort_of_a_run_that_nobody_advances_is_done_by_who_takes_it_up():
    plan = plan_of(planned("a"), planned("tidy", needs=["a"], always=True))
    made = simulation(plan)
    made.say(RunPaused())
    made.say(RunAbortRequested(reason="over"))
    assert made.advance() == "aborted"
    assert tried(made) == ["tidy@localhost"]


def gate_of(**params):
    call = ActionCall(name="gate.approval", params={"roles": ["director"], **params})
    return plan_of(planned("go", action=call), planned("b", needs=["go"]))


def approval(person: str) -> GateApproved:
    return GateApproved(task="go@localhost", person=person, role="director", fingerprint="f" * 64)


def test_a_quorum_is_of_different_people():
    made = simulation(gate_of(quorum=2))
    assert made.advance() == "waiting"
    for person in ("dana", "dana"):
        made.say(approval(person))
        assert made.advance() == "waiting"
    made.say(approval("eli"))
    assert made.advance() == "succeeded"
    assert made.state.task("go@localhost").outputs == {"approvers": ["dana", "eli"]}


def test_who_asked_for_the_run_can_not_approve_it():
    made = simulation(gate_of())
    made.advance()
    requester = made.state.requester
    assert made.kinds(GateOpened)[0].requester == requester
    made.say(approval(requester))
    assert made.advance() == "waiting"
    made.say(approval("dana"))
    assert made.advance() == "succeeded"


def test_unless_the_gate_allows_it():
    made = simulation(gate_of(allow_requester=True))
    made.advance()
    made.say(approval(made.state.requester))
    assert made.advance() == "succeeded"


BY_HAND = plan_of(
    planned("call", action=ActionCall(name="manual.task", params={"roles": ["director"], "instructions": "Call."})),
    planned("b", needs=["call"]),
)


def answered(*, passed: bool, fingerprint: str = "f" * 64) -> ManualAnswered:
    return ManualAnswered(
        task="call@localhost", person="dana", role="director", fingerprint=fingerprint, passed=passed, note="done"
    )


@pytest.mark.parametrize(("passed", "end", "outcome"), [(True, "succeeded", "changed"), (False, "failed", "failed")])
@pytest.mark.parametrize("meanwhile", [True, False])
def test_a_manual_task_waits_for_its_answer(meanwhile, passed, end, outcome):
    waits = (lambda event: isinstance(event, GateOpened), answered(passed=passed))
    made = simulation(BY_HAND, *([waits] if meanwhile else []))
    if not meanwhile:
        assert made.advance() == "waiting"
        made.say(answered(passed=passed))
    assert made.advance(wait=True) == end
    assert made.kinds(GateOpened)[0].message == "Call."
    assert made.outcomes()["call@localhost"] == outcome
    assert made.state.task("call@localhost").outputs == ({"person": "dana", "note": "done"} if passed else {})


def test_an_answer_about_another_plan_does_not_count():
    made = simulation(BY_HAND)
    made.advance()
    made.say(answered(passed=True, fingerprint="other"))
    assert made.advance() == "waiting"


def test_a_dry_run_says_what_would_be_done_by_hand():
    made = simulation(BY_HAND, mode=Mode.DRY_RUN)
    assert made.advance() == "succeeded"
    summary = next(event.finding.summary for event in made.events if getattr(event, "task", "") == "call@localhost")
    assert summary == "would ask director to do by hand: Call."


def window(between: str, **params):
    call = ActionCall(name="gate.window", params={"between": between, **params})
    return plan_of(planned("when", action=call), planned("b", needs=["when"]))


def test_a_window_is_waited_for_also_where_nobody_is_there_to_ask():
    made = simulation(window("02:00-03:00"))
    assert made.advance() == "succeeded"
    began = next(stored for stored in made.journal.read(RUN) if stored.event.kind == "attempt.started")
    assert 0 <= (began.time - made.kinds(GateOpened)[0].opens_at).total_seconds() < 1


def test_an_open_window_holds_nothing_up():
    made = simulation(window("23:00-01:00"))
    assert made.advance() == "succeeded"
    assert made.clock.seconds < 3


def test_a_window_that_opens_too_late_fails_at_once():
    made = simulation(window("02:00-03:00", expires="1h"))
    assert made.advance() == "failed"
    assert made.clock.seconds < 1
    assert "opens at 2026-01-01T02:00" in made.state.task("when@localhost").reason


def test_a_run_that_comes_back_after_its_window_waits_for_the_next_one():
    made = simulation(window("02:00-03:00"))
    made.interrupts.count = 0
    stop = made.clock.monotonic

    def monotonic() -> float:
        made.interrupts.count = int(made.clock.seconds > 60)
        return stop()

    made.clock.monotonic = monotonic
    assert made.advance() == "interrupted"
    made.clock.monotonic = stop
    made.interrupts.count = 0
    made.clock.seconds = 4 * 3600
    assert made.advance() == "succeeded"
    assert made.clock.seconds > 26 * 3600
    assert len(made.kinds(GateOpened)) == 2


@pytest.mark.parametrize(
    ("between", "said"), [("02:00-03:00", "would wait until it opens"), ("23:00-01:00", "open now")]
)
def test_a_dry_run_says_when_a_window_opens(between, said):
    made = simulation(window(between), mode=Mode.DRY_RUN)
    assert made.advance() == "succeeded"
    summary = next(event.finding.summary for event in made.events if getattr(event, "task", "") == "when@localhost")
    assert said in summary


def test_a_held_task_of_a_run_that_was_aborted_meanwhile_is_given_up():
    made = simulation(FORK, make=failing("a@localhost"))
    assert made.advance() == "waiting"
    made.say(RunAbortRequested(reason="over"))
    assert made.advance() == "aborted"
    assert made.outcomes()["a@localhost"] == "blocked"


TAKEN = plan_of(
    planned("a"),
    planned("b", needs=["a"], on_failure=OnFailure.REVERT),
    planned("c", needs=["b"]),
    planned("x", needs=["a"]),
    planned("y", needs=["x"]),
    planned("end", needs=["b"], always=True),
)


def test_a_failure_that_takes_the_run_back_ends_it():
    def make(order):
        bad = order.task == "b@localhost"
        return ended(
            order, Outcome.FAILED if bad else Outcome.CHANGED, 1.0 if bad else 5.0, error="boom" if bad else ""
        )

    made = simulation(TAKEN, make=make)
    assert made.advance() == "failed"
    assert tried(made) == ["a@localhost", "b@localhost", "x@localhost", "end@localhost"], "what runs is left to end"
    assert made.kinds(RevertDue) == [RevertDue(step="b", task="b@localhost", reason="boom")]
    assert {event.task for event in made.kinds(TaskBlocked)} == {"c@localhost", "y@localhost"}
    assert made.state.revert_due is not None


def test_retries_and_tolerance_come_first_and_a_dry_run_takes_nothing_back():
    retry = Retry(attempts=2, delay=timedelta(seconds=1))
    plan = plan_of(planned("b", on_failure=OnFailure.REVERT, retry=retry))
    made = simulation(plan, make=failing("b@localhost", until=2))
    assert made.advance() == "succeeded"
    made = simulation(
        plan_of(planned("b", ["x", "y"], on_failure=OnFailure.REVERT, max_failures=1)), make=failing("b@x")
    )
    made.advance()
    assert made.kinds(RevertDue) == []
    made = simulation(TAKEN, make=failing("b@localhost"), mode=Mode.DRY_RUN)
    made.advance()
    assert made.kinds(RevertDue) == []


def test_killed_before_it_wound_down_it_begins_nothing_new():
    made = simulation(TAKEN, make=failing("b@localhost"))
    made.say(RevertDue(step="b", task="b@localhost", reason="boom"))
    assert made.advance() == "failed"
    assert tried(made) == ["end@localhost"]


@pytest.mark.parametrize(
    ("seen", "phase"),
    [(Outcome.UNCHANGED, "ended"), (Outcome.WOULD_CHANGE, "waiting"), (Outcome.UNREACHABLE, "in doubt")],
)
def test_what_is_in_doubt_is_looked_at_before_the_run_is_taken_back(seen, phase):
    def make(order):
        if order.task == "a@localhost":
            return ended(order, Outcome.UNREACHABLE, error="no reply", in_doubt=True)
        return ended(order, Outcome.FAILED, 5.0, error="boom")

    plan = plan_of(planned("a"), planned("b", on_failure=OnFailure.REVERT))
    made = simulation(plan, make=make, look=lambda order: ended(order, seen))
    assert made.advance() == "failed"
    assert made.state.task("a@localhost").phase == phase
    assert tried(made) == ["a@localhost", "b@localhost"]
