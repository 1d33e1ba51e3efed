"""Whatever happens to a run, no silence longer than promised goes unrecorded, and nothing that was owed is lost."""

import contextlib
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from support.crashes import CrashingJournal
from support.plans import plan_of, planned, talk
from support.simulation import RUN, Killed, Simulation, VirtualClock, ended

from runbook_engine.model.event import (
    HoldResolved,
    MessageDue,
    MessageMissed,
    MessageSaid,
    MessageSent,
    RunContinued,
    RunPaused,
)
from runbook_engine.model.outcome import Outcome

EVERY = 120.0

# What happens in one part of the run: how long its long step takes, what its people do, how the process ends.
PARTS = st.fixed_dictionaries(
    {
        "long": st.sampled_from([5.0, 140.0, 600.0]),
        "fails": st.booleans(),
        "pauses": st.booleans(),
        "says": st.booleans(),
        "mail": st.sampled_from(["there", "away", "away at first", "breaks off", "slow"]),
        "crash": st.integers(0, 12),
        "after": st.booleans(),
        "waits": st.booleans(),
        "nobody": st.sampled_from([1.0, 80.0, 1000.0]),
    }
)


class World:
    """The mail server, and the run's people; what was received and when is kept."""

    def __init__(self, run: Simulation) -> None:
        self.run = run
        self.part: dict = {}
        self.tries = 0
        self.received: list[tuple[float, str]] = []

    def make(self, order):
        if order.task.startswith("message:"):
            return self.mail(order)
        if order.step == "m":
            if self.part["pauses"]:
                self.run.say(RunPaused(reason="a call"))
            if self.part["says"]:
                self.run.say(MessageSaid(text="news", audiences=("customers",)))
            return ended(order, Outcome.FAILED if self.part["fails"] else Outcome.CHANGED, self.part["long"])
        return ended(order)

    def mail(self, order):
        self.tries += 1
        kind, now = self.part["mail"], self.run.clock.seconds
        if self.tries > 12 and self.run.state.paused is not None:
            self.run.say(RunContinued())
        if kind == "away" or (kind == "away at first" and self.tries < 4):
            return ended(order, Outcome.FAILED, 2.0, error="away")
        seconds = 20.0 if kind == "slow" else 1.0
        self.received.append((now + seconds, order.task))
        if kind == "breaks off" and self.tries % 2:
            return ended(order, Outcome.FAILED, seconds, error="broke off", in_doubt=True)
        return ended(order, seconds=seconds)


def happen(parts) -> tuple[Simulation, World]:
    """Let one part after the other happen, and a last one in which all goes well."""
    plan = plan_of(
        planned("a"),
        planned("m", needs=["a"], on_failure="hold"),
        planned("z", needs=["m"]),
        communications=[talk(every=EVERY)],
    )
    run = Simulation(plan, clock=VirtualClock())
    world = World(run)
    run.make = world.make
    well = {"long": 5.0, "fails": False, "pauses": False, "says": False, "mail": "there", "crash": 0, "after": False}
    for part in [*parts, {**well, "waits": False, "nobody": 1.0}]:
        if run.state.closed is not None and run.state.closed.status == "succeeded":
            break
        world.part, world.tries = part, 0
        if run.state.paused is not None:
            run.say(RunContinued())
        if run.state.task("m@localhost").phase == "held":
            run.say(HoldResolved(task="m@localhost", decision="retry", reason="again"))
        with contextlib.suppress(Killed):
            run.advance(journal=CrashingJournal(run.journal, part["crash"], after=part["after"]))
        run.clock.seconds += part["nobody"]
    return run, world


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=4))
def test_no_silence_longer_than_promised_goes_unrecorded(parts):
    run, world = happen(parts)
    assert run.state.closed is not None
    assert run.state.closed.status == "succeeded"
    stored = list(run.journal.read(RUN))
    begun = next(one for one in stored if isinstance(one.event, MessageDue))
    sent = [one for one in stored if isinstance(one.event, MessageSent)]
    misses = [one for one in stored if isinstance(one.event, MessageMissed)]
    before = begun
    for one in sent:
        silence = (one.time - before.time).total_seconds()
        told = [
            miss for miss in misses if before.seq < miss.seq <= one.seq or miss.event.sequence == one.event.sequence
        ]
        # (What goes out just when it is due, to the second, was not missed.)
        missed = math.ceil(silence / EVERY) - 1
        assert silence <= EVERY or sum(miss.event.count for miss in told) >= missed, (silence, told)
        before = one
    # Nothing owed is lost: the last message is out, or it is recorded that it is not.
    last = run.state.messages.of("customers")
    assert last.resolved or misses[-1].event.sequence >= last.sequence
    # What people received twice is recorded as what it is.
    doubles = {task for _, task in world.received if [name for _, name in world.received].count(task) > 1}
    doubtful = {f"message:customers#{one.event.sequence}/0" for one in sent if one.event.doubtful}
    recorded = {f"message:customers#{one.event.sequence}/0" for one in sent}
    assert doubles & recorded <= doubtful


@settings(max_examples=60, deadline=None)
@given(st.lists(PARTS, max_size=3))
def test_what_was_said_is_sent_or_still_to_be_sent(parts):
    run, _ = happen(parts)
    said = sum(isinstance(event, MessageSaid) for event in run.events)
    carried = sum(event.said for event in run.kinds(MessageDue))
    assert carried + len(run.state.messages.of("customers").said) == said
