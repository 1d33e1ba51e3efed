"""Messages owed while a run lasts, on a virtual clock: in time, through all that a run waits for, or recorded."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from support.plans import plan_of, planned, talk
from support.simulation import Do, FakeCatalog, Once, Simulation, Tell, VirtualClock, ended

from runbook_engine.actions.gate import Approval
from runbook_engine.execution.message_state import MessagesState
from runbook_engine.model.event import (
    GateApproved,
    HoldResolved,
    MessageDue,
    MessageFailed,
    MessageMissed,
    MessageSaid,
    MessageSent,
    MessageShown,
    RunContinued,
    RunPaused,
)
from runbook_engine.model.outcome import Change, Grade, Mode, Outcome, unknown
from runbook_engine.model.runbook import ActionCall

EVERY = 1800.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Steps take as long as told; messages arrive after a second, unless their server is away."""

    def __init__(self, clock: VirtualClock, seconds: dict[str, float] | None = None) -> None:
        self.clock = clock
        self.seconds = seconds or {}
        self.away = lambda now: False
        self.got: list[tuple[float, str, str]] = []
        self.failing: dict[str, Outcome] = {}

    def make(self, order):
        if not order.task.startswith("message:"):
            return ended(order, self.failing.get(order.step, Outcome.CHANGED), self.seconds.get(order.step, 1.0))
        if self.away(self.clock.seconds):
            return ended(order, Outcome.FAILED, 1.0, error="server away")
        self.got.append((self.clock.seconds + 1.0, order.task, order.parameters["text"]))
        return ended(order, Outcome.CHANGED, 1.0, outputs={"accepted": [order.parameters["audience"]]})


def simulation(*steps, talks=None, seconds=None, **more) -> tuple[Simulation, World]:
    plan = plan_of(*steps, communications=talks if talks is not None else [talk()])
    clock = VirtualClock()
    world = World(clock, seconds)
    return Simulation(plan, make=world.make, clock=clock, **more), world


def three(middle: float):
    """A run of three steps, the middle one of which takes so long."""
    return simulation(planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]), seconds={"m": middle})


def sent(simulated) -> list[tuple[int, str]]:
    kinds = {event.sequence: event.what for event in simulated.kinds(MessageDue)}
    return [(event.sequence, kinds[event.sequence]) for event in simulated.kinds(MessageSent)]


def test_first_updates_and_resolved_within_the_promised_silence():
    run, world = three(4000.0)
    assert run.advance() == "succeeded"
    assert sent(run) == [(1, "first"), (2, "update"), (3, "update"), (4, "resolved")]
    times = [at for at, _, _ in world.got]
    assert times[0] < 5
    assert all(later - earlier <= EVERY for earlier, later in itertools.pairwise(times))
    assert not run.kinds(MessageMissed)
    assert [text for _, _, text in world.got] == ["first", "update", "update", "resolved"]
    assert run.state.messages.of("customers").resolved


def test_nothing_is_sent_before_its_step_ended_well():
    run, world = simulation(planned("a"), planned("z", needs=["a"]), seconds={})
    world.failing["a"] = Outcome.FAILED
    assert run.advance() == "failed"
    assert not world.got
    assert not run.kinds(MessageDue)


def test_a_run_that_failed_says_that_people_wait_and_a_resumed_one_tells_them_first():
    run, world = three(100.0)
    world.failing["m"] = Outcome.FAILED
    assert run.advance() == "failed"
    missed = run.kinds(MessageMissed)
    assert [(event.sequence, event.count) for event in missed] == [(2, 1)]
    assert "failed" in missed[0].reason
    del world.failing["m"]
    run.clock.seconds += 4 * EVERY
    assert run.advance() == "succeeded"
    assert [task for _, task, _ in world.got] == [f"message:customers#{n}/0" for n in (1, 2, 3)]
    # Three more were due in that silence than the one that was foretold.
    assert [(event.sequence, event.count) for event in run.kinds(MessageMissed)][1:] == [(2, 3)]
    first_order = run.dispatcher.orders[0]
    assert first_order.task == "message:customers#2/0", "the overdue one goes first"


def test_a_failure_that_is_tolerated_is_no_resolution():
    run, world = simulation(planned("a"), planned("z", needs=["a"], on_failure="continue"), planned("end", needs=["z"]))
    world.failing["z"] = Outcome.FAILED
    assert run.advance() == "succeeded"
    assert sent(run) == [(1, "first")]
    assert "nobody sends it" in run.kinds(MessageMissed)[0].reason


def test_messages_go_on_while_the_run_is_paused():
    run, world = three(10.0)
    plan_continue = []

    def make(order):
        if order.step == "a":
            run.say(RunPaused(reason="a call"))
        if order.task == "message:customers#3/0":
            plan_continue.append(run.say(RunContinued()))
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert sent(run) == [(1, "first"), (2, "update"), (3, "update"), (4, "resolved")]
    assert plan_continue
    assert not run.kinds(MessageMissed)


def test_messages_go_on_while_a_task_is_held():
    run, world = simulation(planned("a"), planned("m", needs=["a"], on_failure="hold"), planned("z", needs=["m"]))
    world.failing["m"] = Outcome.FAILED

    def make(order):
        if order.task == "message:customers#2/0":
            run.say(HoldResolved(task="m@localhost", decision="skip", reason="known"))
        return world.make(order)

    assert run.advance(make=make, wait=True) == "succeeded"
    assert sent(run) == [(1, "first"), (2, "update"), (3, "resolved")]


def test_messages_are_sent_while_every_fork_is_busy():
    run, world = three(4000.0)
    assert run.advance(forks=1) == "succeeded"
    assert len(world.got) == 4


def test_a_run_that_waits_for_a_person_and_ends_says_who_is_owed_a_message():
    run, world = simulation(planned("a"), planned("m", needs=["a"], on_failure="hold"), planned("z", needs=["m"]))
    world.failing["m"] = Outcome.FAILED
    assert run.advance() == "waiting"
    assert "customers by" in run.events[-1].reason
    assert sent(run) == [(1, "first")]


def test_a_server_that_is_away_is_asked_again_and_the_misses_are_recorded():
    run, world = three(2 * EVERY + 600)
    world.away = lambda now: 100 < now < 2 * EVERY + 300
    assert run.advance() == "succeeded"
    assert sent(run)[0] == (1, "first")
    missed = run.kinds(MessageMissed)
    assert sum(event.count for event in missed) == 2
    assert all("server away" in event.reason for event in missed)
    # The same failure is written down once a message, however often it is tried.
    assert len(run.kinds(MessageFailed)) == len({event.sequence for event in run.kinds(MessageFailed)})
    assert sent(run)[-1][1] == "resolved"


def test_the_end_of_a_run_waits_a_minute_for_a_message_that_cannot_be_sent():
    run, world = three(10.0)
    world.away = lambda now: True
    assert run.advance() == "succeeded"
    assert run.clock.seconds < 120
    assert [event.sequence for event in run.kinds(MessageMissed)] == [1]
    assert "server away" in run.kinds(MessageMissed)[0].reason


def test_only_the_ways_that_failed_are_tried_again():
    both = (
        ActionCall(name="test.tell", params={"text": "mail"}),
        ActionCall(name="test.tell", params={"text": "chat"}),
    )
    run, world = simulation(planned("a"), planned("z", needs=["a"]), talks=[talk(first=both)], seconds={"z": 100.0})
    tries = []

    def make(order):
        if order.parameters.get("text") == "chat":
            tries.append(order.number)
            if len(tries) < 3:
                return ended(order, Outcome.FAILED, 0.5, error="slow down")
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert [text for _, _, text in world.got] == ["mail", "chat", "resolved"]
    assert tries == [1, 2, 3]


MAIL_AND_PAGE = {
    kind: (
        ActionCall(name="test.tell", params={"text": f"mail {kind} by {{{{ message.next_by }}}}"}),
        ActionCall(name="test.tell", params={"text": "page"}),
    )
    for kind in ("first", "update", "resolved")
}


def hanging(run, world, seconds):
    """A mail server that is well, and a status page each of whose answers takes so long."""
    sent_at = []

    def make(order):
        if order.parameters.get("text") == "page":
            sent_at.append((run.clock.seconds, order.task))
            return ended(order, Outcome.FAILED, seconds, error="no answer", in_doubt=True)
        return world.make(order)

    return make, sent_at


def test_a_channel_that_hangs_does_not_delay_the_others():
    run, world = simulation(
        planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]),
        talks=[talk(every=15.0, **MAIL_AND_PAGE)], seconds={"m": 100.0},
    )  # fmt: skip
    make, page = hanging(run, world, 60.0)
    assert run.advance(make=make) == "succeeded"
    times = [at for at, _, _ in world.got]
    assert all(later - earlier <= 15.0 for earlier, later in itertools.pairwise(times))
    assert len(times) >= 8
    assert not [event for event in run.kinds(MessageMissed) if event.sequence < len(times)]
    # Of one channel only one message is on its way: what was said first arrives first.
    assert all(later - earlier >= 60.0 for (earlier, _), (later, _) in itertools.pairwise(page))
    assert {event.channel for event in run.kinds(MessageFailed)} == {"test.tell"}


def test_what_an_operator_says_does_not_wait_for_a_channel_that_hangs():
    run, world = simulation(
        planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]),
        talks=[talk(**MAIL_AND_PAGE)], seconds={"m": 200.0},
    )  # fmt: skip
    tell, _ = hanging(run, world, 500.0)
    said = []

    def make(order):
        if order.step == "m":
            said.append(run.clock.seconds)
            run.say(MessageSaid(text="half is back", audiences=("customers",)))
        return tell(order)

    run.advance(make=make)
    at = next(at for at, _, text in world.got if text == "half is back")
    assert at - said[0] < 3


def test_each_way_has_tries_of_its_own():
    """One that is refused at once is tried again while another one hangs."""
    run, world = simulation(
        planned("a"), planned("z", needs=["a"]), talks=[talk(**MAIL_AND_PAGE)], seconds={"z": 100.0}
    )
    tell, _ = hanging(run, world, 90.0)
    world.away = lambda now: now < 20
    assert run.advance(make=tell) == "succeeded"
    assert world.got[0][0] < 60


def test_what_arrives_after_another_message_took_its_place_is_written_down():
    run, world = simulation(
        planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]),
        talks=[talk(every=15.0, **MAIL_AND_PAGE)], seconds={"m": 60.0},
    )  # fmt: skip

    def make(order):
        if order.task == "message:customers#1/1":
            return ended(order, Outcome.CHANGED, 40.0)
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    late = [(event.sequence, event.call) for event in run.kinds(MessageSent)]
    assert (1, 1) in late
    assert late.index((1, 1)) > late.index((2, 0))
    assert run.state.messages.of("customers").resolved


def test_the_next_message_is_promised_for_one_silence_from_now():
    run, world = simulation(
        planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]),
        talks=[talk(**MAIL_AND_PAGE)], seconds={"m": 4000.0},
    )  # fmt: skip

    def make(order):
        if order.step == "m":
            run.say(MessageSaid(text="{{ }} by", audiences=("customers",)))
        return world.make(order)

    run.advance(make=make)
    promised = [(at, datetime.fromisoformat(text.split(" by ")[1])) for at, _, text in world.got if " by 2" in text]
    assert len(promised) >= 2
    for at, by in promised:
        assert EVERY - 2 <= (by - BEGIN).total_seconds() - at <= EVERY


def test_people_read_the_time_of_the_next_message_as_people_write_it():
    own = (ActionCall(name="test.tell", params={"text": "by {{ message.next_by_text }}"}),)
    run, world = simulation(planned("a"), planned("z", needs=["a"]), talks=[talk(first=own)], seconds={"z": 100.0})
    assert run.advance() == "succeeded"
    assert world.got[0][2] == "by 00:30 UTC on 2026-01-01"


def test_a_message_that_was_heard_is_not_recorded_as_missed():
    run, world = simulation(
        planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]),
        talks=[talk(every=100.0, **MAIL_AND_PAGE)], seconds={"m": 250.0},
    )  # fmt: skip
    make, _ = hanging(run, world, 12.0)
    run.advance(make=make)
    heard = {event.sequence for event in run.kinds(MessageSent)}
    assert not [event for event in run.kinds(MessageMissed) if event.sequence in heard and "silence" in event.reason]


def test_what_was_reached_before_is_passed_on_and_the_refused_are_given_up():
    run, world = simulation(planned("a"), planned("z", needs=["a"]), seconds={"z": 100.0})
    seen = []

    def make(order):
        if order.task == "message:customers#1/0":
            seen.append(dict(order.recorded))
            outputs = {"accepted": ["a@example.com"], "refused": {"b@example.com": "550 unknown"}}
            return ended(order, Outcome.FAILED, 0.5, error="refused 1 of 2", outputs=outputs)
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert seen[0] == {}
    assert seen[1]["accepted"] == ["a@example.com"]
    assert len(seen) == 3
    first = run.kinds(MessageSent)[0]
    assert first.recipients == ("a@example.com",)
    assert first.refused == {"b@example.com": "550 unknown"}


@pytest.mark.parametrize("some", [True, False])
def test_what_is_refused_for_good_is_tried_once_and_keeps_no_run_waiting(some):
    run, world = simulation(planned("a"), planned("z", needs=["a"]), seconds={"z": 100.0})
    tries, outputs = [], {"accepted": ["a@x"], "refused": {"b@x": "550 unknown"}} if some else {}

    def make(order):
        if order.task.startswith("message:"):
            tries.append(order.task)
            return ended(order, Outcome.FAILED, 0.5, error="550 unknown", outputs=outputs, for_good=True)
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert sorted(tries) == sorted(set(tries)), "each message once"
    assert len(tries) == (2 if some else 1)
    assert run.clock.seconds < 130, "its end waits for nothing that can't be sent"
    if some:
        assert [event.refused for event in run.kinds(MessageSent)] == [{"b@x": "550 unknown"}] * 2
    else:
        assert all("not tried again" in event.error for event in run.kinds(MessageFailed))
        assert run.kinds(MessageMissed)


def test_those_that_nobody_tried_are_not_given_up():
    run, world = simulation(planned("a"), planned("z", needs=["a"]), seconds={"z": 200.0})
    tries = []

    def make(order):
        if order.task == "message:customers#1/0":
            tries.append(order.number)
            if len(tries) < 6:
                outputs = {"accepted": ["a@example.com"], "left": ["b@example.com"]}
                return ended(order, Outcome.FAILED, 0.5, error="server away", outputs=outputs)
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert len(tries) == 6
    assert [event.sequence for event in run.kinds(MessageSent)] == [1, 2]


def test_a_try_whose_end_is_unknown_is_made_again_and_says_so():
    run, world = simulation(planned("a"), planned("z", needs=["a"]), seconds={"z": 100.0})
    tokens = []

    def make(order):
        if order.task == "message:customers#1/0":
            tokens.append(order.token)
            if len(tokens) == 1:
                return ended(order, Outcome.FAILED, 0.5, error="broke off", in_doubt=True)
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert tokens[0] == tokens[1]
    assert [event.doubtful for event in run.kinds(MessageSent)] == [True, False]


def test_what_an_operator_says_goes_out_at_once_and_starts_the_silence_anew():
    run, world = three(4000.0)
    said = []

    def make(order):
        if order.step == "m":
            said.append(run.clock.seconds)
            run.say(MessageSaid(text="half of it is back {{ 1 + 1 }}", audiences=("customers",)))
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    at, _, text = world.got[1]
    assert text == "half of it is back {{ 1 + 1 }}", "an operator's words are data"
    assert at - said[0] < 3
    assert [event.text for event in run.kinds(MessageDue)][:3] == ["", "half of it is back {{ 1 + 1 }}", ""]
    assert len(world.got) == 5


def test_words_stand_where_the_template_has_a_place_for_them():
    own = (ActionCall(name="test.tell", params={"text": "News: {{ message.text or 'we work on it' }}"}),)
    run, world = simulation(
        planned("a"),
        planned("m", needs=["a"]),
        planned("z", needs=["m"]),
        talks=[talk(update=own)],
        seconds={"m": 4000.0},
    )

    def make(order):
        if order.step == "m":
            run.say(MessageSaid(text="<b>soon</b>", audiences=("customers",)))
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert [text for _, _, text in world.got][1:3] == ["News: <b>soon</b>", "News: we work on it"]


def test_what_was_said_while_nobody_advanced_the_run_goes_out_first():
    run, world = simulation(planned("a"), planned("m", needs=["a"], on_failure="hold"), planned("z", needs=["m"]))
    world.failing["m"] = Outcome.FAILED
    assert run.advance() == "waiting"
    run.say(MessageSaid(text="we are on it", audiences=("customers",)))
    run.say(MessageSaid(text="and so are others", audiences=("customers",)))
    assert run.state.messages.of("customers").said == ["we are on it", "and so are others"]
    run.say(HoldResolved(task="m@localhost", decision="skip", reason="known"))
    assert run.advance() == "succeeded"
    assert world.got[1][2] == "we are on it\n\nand so are others"


def test_markup_is_escaped_where_data_goes_into_it():
    markup = (
        ActionCall(name="test.tell", params={"text": "x", "html": "<p>{{ run.operator }}{{ message.audience }}</p>"}),
    )
    run, world = simulation(
        planned("a"), planned("z", needs=["a"]), talks=[talk("<i>you</i>", first=markup, update=())]
    )
    seen = []

    def make(order):
        if order.task.startswith("message:"):
            seen.append(order.parameters.get("html"))
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert seen[0] == "<p>dana&lt;i&gt;you&lt;/i&gt;</p>"


def test_a_dry_run_shows_every_message_and_sends_none():
    run, world = simulation(planned("a"), planned("z", needs=["a"]), mode=Mode.DRY_RUN)

    def make(order):
        if not order.task.startswith("message:"):
            return world.make(order)
        finding = unknown("would tell them", changes=(Change(what="text", after=order.parameters["text"]),))
        return ended(order, Outcome.UNPROVEN, 0.1, finding=finding, grade=Grade.UNPROVEN)

    assert run.advance(make=make) == "succeeded"
    shown = run.kinds(MessageShown)
    assert [(event.what, event.changes[0].after) for event in shown] == [
        ("first", "first"),
        ("update", "update"),
        ("resolved", "resolved"),
    ]
    assert not run.kinds(MessageDue)
    assert run.state.closed.proven == 0.0


@pytest.mark.parametrize("why", ["the check fails", "it can't be rendered"])
def test_a_dry_run_fails_when_a_message_could_not_be_sent(why):
    wrong = (ActionCall(name="test.tell", params={"text": "{{ nothing_of_that_name }}"}),)
    talks = [talk(update=wrong)] if why == "it can't be rendered" else [talk()]
    run, _ = simulation(planned("a"), planned("z", needs=["a"]), mode=Mode.DRY_RUN, talks=talks)

    def make(order):
        if not order.task.startswith("message:"):
            return ended(order, Outcome.UNCHANGED, 0.1, grade=Grade.PROVEN)
        if order.parameters["text"] == "update":
            return ended(order, Outcome.FAILED, 0.1, error="variable TOKEN is not set")
        return ended(order, Outcome.UNPROVEN, 0.1, finding=unknown("would tell them"), grade=Grade.UNPROVEN)

    assert run.advance(make=make) == "failed"
    assert [bool(event.problem) for event in run.kinds(MessageShown)] == [False, True, False]
    assert run.state.closed.proven == 2 / 3


@pytest.mark.parametrize(("error", "ends"), [("not valid", "succeeded"), ("variable TOKEN is not set", "failed")])
def test_parameters_that_only_a_run_knows_are_no_problem_of_a_dry_run(error, ends):
    own = (ActionCall(name="test.tell", params={"text": "{{ steps['a'].answer }}"}),)
    run, _ = simulation(planned("a"), planned("z", needs=["a"]), mode=Mode.DRY_RUN, talks=[talk(update=own)])

    def make(order):
        if not order.task.startswith("message:"):
            return ended(order, Outcome.WOULD_CHANGE, 0.1, grade=Grade.SIMULATED)
        if "known after apply" in order.parameters["text"]:
            said = "the parameters of test.tell are not valid: text" if error == "not valid" else error
            return ended(order, Outcome.FAILED, 0.1, error=said)
        return ended(order, Outcome.UNPROVEN, 0.1, finding=unknown("would tell them"), grade=Grade.UNPROVEN)

    assert run.advance(make=make) == ends
    assert bool(run.kinds(MessageShown)[1].problem) == (ends == "failed")


def test_a_message_that_cannot_be_rendered_is_recorded_and_tried_again():
    own = (ActionCall(name="test.tell", params={"text": "{{ steps['m'].answer }}"}),)
    run, world = simulation(
        planned("a"),
        planned("m", needs=["a"]),
        planned("z", needs=["m"]),
        talks=[talk(first=own)],
        seconds={"m": 12.0, "z": 90.0},
    )

    def make(order):
        if order.step == "m":
            return ended(order, Outcome.CHANGED, 12.0, outputs={"answer": "42"})
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert "no output 'answer'" in run.kinds(MessageFailed)[0].error
    assert world.got[0][2] == "42"


def test_an_interrupt_begins_no_message_and_lets_the_one_on_its_way_end():
    run, world = three(4000.0)

    def make(order):
        if order.task == "message:customers#1/0":
            run.interrupts.interrupt()
        return world.make(order)

    assert run.advance(make=make) == "interrupted"
    assert sent(run) == [(1, "first")]


class SetClock(VirtualClock):
    """A wall clock that somebody sets back by two hours at some time."""

    at = 1e9

    def now(self):
        return super().now() - timedelta(hours=2 if self.seconds >= self.at else 0)


def test_a_clock_that_is_set_back_makes_nobody_wait_longer():
    clock = SetClock()
    plan = plan_of(planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]), communications=[talk()])
    clock.at = 3000.0
    world = World(clock, {"m": 4 * EVERY})
    run = Simulation(plan, make=world.make, clock=clock)
    assert run.advance() == "succeeded"
    times = [at for at, _, _ in world.got]
    assert all(later - earlier <= EVERY for earlier, later in itertools.pairwise(times))


def test_a_journal_from_a_clock_that_ran_ahead_makes_nobody_wait_longer():
    clock = SetClock()
    plan = plan_of(planned("a"), planned("m", needs=["a"]), planned("z", needs=["m"]), communications=[talk()])
    world = World(clock)
    run = Simulation(plan, make=world.make, clock=clock)
    world.failing["m"] = Outcome.FAILED
    assert run.advance() == "failed"
    del world.failing["m"]
    world.seconds["m"] = 4000.0
    clock.at = resumed = clock.seconds
    assert run.advance() == "succeeded"
    assert world.got[1][0] - resumed <= EVERY


def test_the_end_of_a_run_waits_for_a_message_that_can_be_sent_a_little_later():
    run, world = three(2.0)
    world.away = lambda now: now < 15
    assert run.advance() == "succeeded"
    assert sent(run) == [(1, "first"), (2, "resolved")]


def test_what_was_said_while_the_server_was_away_is_in_the_next_message_that_gets_through():
    run, world = three(3 * EVERY)
    world.away = lambda now: 100 < now < 2 * EVERY + 100

    def make(order):
        if order.step == "m":
            run.clock.seconds += 120
            run.say(MessageSaid(text="half is back", audiences=("customers",)))
        return world.make(order)

    assert run.advance(make=make) == "succeeded"
    assert [text for _, _, text in world.got][1] == "half is back"


def test_only_what_a_message_carries_counts_as_told():
    state = MessagesState()
    for text in ("one", "two"):
        state.apply(MessageSaid(text=text, audiences=("customers",)), BEGIN)
    # The second was said when the message had been put together, and was written before it.
    state.apply(MessageDue(audience="customers", sequence=1, due_at=BEGIN, text="one", said=1), BEGIN)
    assert state.of("customers").said == ["two"]


@pytest.mark.parametrize("approves", [True, False])
def test_a_gate_that_waits_keeps_nobody_from_being_told(approves):
    gate = ActionCall(name="gate.approval", params={"roles": ["director"]})
    plan = plan_of(
        planned("a"), planned("m", needs=["a"], action=gate), planned("z", needs=["m"]), communications=[talk()]
    )
    clock = VirtualClock()
    world = World(clock)
    catalog = FakeCatalog(Do(), Once(), Tell(), Approval())

    def make(order):
        if order.task == "message:customers#4/0" and approves:
            run.say(GateApproved(task="m@localhost", person="dana", role="director", fingerprint="f" * 64))
        if order.task == "message:customers#4/0" and not approves:
            run.interrupts.interrupt()
        return world.make(order)

    run = Simulation(plan, make=make, clock=clock, catalog=catalog)
    assert run.advance(wait=True) == ("succeeded" if approves else "interrupted")
    assert len(world.got) == (5 if approves else 4)
    assert not run.kinds(MessageMissed)
