"""Crashes at every write of random runs: nothing that finished is lost, nothing that was applied is repeated.

The world is the target's side: it counts effects. An attempt of the process that crashed may have had its effect, or be
still on its way; a new process knows the journal only.
"""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.crashes import CrashingJournal
from support.plans import plan_of, planned, talk
from support.simulation import Killed, Simulation, ended

from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    MessageDue,
    MessageMissed,
    MessageSent,
    TaskResolved,
)
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.runbook import ActionCall


class World:
    """What happened on the targets, and what people were told."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.begun: set[str] = set()

    def attempt(self, order):
        """An attempt as `execution.attempt` makes it, seen from the loop: the effect lands when it is submitted."""
        if order.task.startswith("message:"):
            self.told[order.task] += 1
            return ended(order, seconds=0.5)
        once = order.action == "test.once"
        done = order.task in self.effects
        if order.settle and once:
            return ended(order, Outcome.FAILED, error="can't tell", in_doubt=True, needs_person=True)
        if done and not once:
            return ended(order, Outcome.UNCHANGED)
        self.effects[order.task] += 1
        return ended(order, seconds=0.1 + len(order.task) % 3)


def run_with_crashes(plan, crashes) -> tuple[Simulation, World]:
    """Advance with one crash after the other, then to the end; a person settles what nobody can check."""
    world = World()
    simulation = Simulation(plan, make=world.attempt)
    finished: dict[str, str] = {}
    for at, after in [*crashes, (0, False), (0, False)]:
        if simulation.state.closed is not None:
            break
        try:
            simulation.advance(journal=CrashingJournal(simulation.journal, at, after=after))
        except Killed:
            now = {
                name: str(task.outcome)
                for name, task in simulation.state.tasks.items()
                if task.phase == "ended" and task.outcome.ended_well
            }
            for task, outcome in finished.items():
                assert now[task] == outcome, f"{task} was {outcome} and is now {now[task]}"
            finished = now
        for task, state in simulation.state.tasks.items():
            if state.phase == "in doubt":
                # The person looks into the mailbox.
                truth = "done" if world.effects[task] else "retry"
                simulation.say(TaskResolved(task=task, number=state.attempts, truth=truth))
    return simulation, world


def check(simulation: Simulation, world: World, plan) -> None:
    assert all(world.effects[task.id] == 1 for task in plan.tasks), world.effects
    assert simulation.state.closed is not None
    assert simulation.state.closed.status == "succeeded"
    started = Counter(event.task for event in simulation.kinds(AttemptStarted))
    ends = Counter(event.task for event in simulation.kinds(AttemptFinished))
    assert all(ends[task] <= started[task] for task in started), "an end without a beginning"
    check_messages(simulation, world)


def check_messages(simulation: Simulation, world: World) -> None:
    """Nothing that was owed is lost; what may have been sent twice is said to have been."""
    sent = {f"message:{one.audience}#{one.sequence}/{one.call}": one for one in simulation.kinds(MessageSent)}
    due = {f"message:{one.audience}#{one.sequence}/0" for one in simulation.kinds(MessageDue)}
    assert due == sent.keys() == world.told.keys()
    assert all(one.doubtful for task, one in sent.items() if world.told[task] > 1), "a double that nobody speaks of"
    assert len(sent) == len(simulation.kinds(MessageSent)), "a message was recorded twice"
    assert not simulation.kinds(MessageMissed)
    assert all(one.resolved for one in simulation.state.messages.audiences.values())


@st.composite
def plans(draw):
    steps = []
    for number in range(draw(st.integers(1, 6))):
        targets = draw(st.sampled_from([["localhost"], ["x", "y"], ["x", "y", "z"]]))
        needs = draw(st.lists(st.sampled_from([step.id for step in steps]), unique=True, max_size=2)) if steps else []
        action = ActionCall(name=draw(st.sampled_from(["test.do", "test.do", "test.once"])))
        steps.append(planned(f"s{number}", targets, needs, action=action, batch=draw(st.sampled_from([(), (1,)]))))
    ids = [step.id for step in steps]
    talks = [
        talk(who, begins=draw(st.sampled_from(ids)), until=ids[-1])
        for who in draw(st.sampled_from([(), ("customers",), ("customers", "team")]))
    ]
    return plan_of(*steps, communications=talks)


@settings(max_examples=300, deadline=None)
@given(plans(), st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=4))
def test_random_plans_and_crashes(plan, crashes):
    simulation, world = run_with_crashes(plan, crashes)
    check(simulation, world, plan)


@pytest.mark.parametrize("after", [False, True])
def test_every_write_of_one_run_and_every_pair_of_crashes(after):
    once = ActionCall(name="test.once")
    plan = plan_of(
        planned("a"),
        planned("b", ["x", "y"], ["a"]),
        planned("mail", needs=["a"], action=once),
        planned("c", needs=["b"]),
        communications=[talk(begins="a", until="c")],
    )
    for first in range(1, 12):
        for second in (0, *range(1, 8)):
            crashes = [(first, after), *([(second, not after)] if second else [])]
            simulation, world = run_with_crashes(plan, crashes)
            check(simulation, world, plan)
