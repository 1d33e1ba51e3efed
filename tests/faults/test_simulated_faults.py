"""Random plans, a virtual clock and any mixture of faults, as a state machine; what must hold is stated below.

The world is the targets' side. Invariants, looked at while it happens and after every part of a run:

1. Nothing is done without its record: when an attempt reaches its target, `attempt.started` is durable.
2. Nothing is done twice: a task has one effect, whatever was lost or killed between.
3. Nothing is lost: a good end that was recorded stays, and its task is not begun again.
4. Order: when an attempt reaches its target, all that it needs has ended well in the journal; no gate is passed unasked.
5. Who lost the lease writes nothing more, and starts nothing more.
6. The journal verifies.
7. A look again contacts only what ended well, after it was announced, and never leads to an attempt by itself.
8. Of two answers at the same moment the first counts: where a process ends the run, its fold is that of the journal.
9. When the faults are over and people answered, the run succeeds, and each task had its effect exactly once.

RUNBOOK_FAULTS_EXAMPLES sets how many runs are made up (200 without it).
"""

import os
from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.plans import plan_of, planned
from support.simulation import ENGINE, Do, FakeCatalog, Killed, Once, Reattached, Simulation, ended

from runbook_engine.actions.gate import Approval
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.errors import JournalError, JournalUnavailableError, LeaseError
from runbook_engine.model.event import (
    AttemptStarted,
    GateApproved,
    HoldResolved,
    NoteAdded,
    RecheckStarted,
    TaskResolved,
)
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.runbook import ActionCall, Retry
from runbook_engine.ports.journal import Holder

EXAMPLES = int(os.environ.get("RUNBOOK_FAULTS_EXAMPLES", "200"))
OTHER = Holder(host="there", boot="b", pid=2, started=2)
# What a task of the world may do to the engine when its turn comes.
MISHAPS = ["killed before", "killed after", "lost before", "lost after", "fails", "note"]
# What a look again may find, or do to the engine.
SIGHTS = ["as it was", "as it was", "drifted", "away", "killed"]


class FaultyJournal:
    """Ends the process, is away, or is taken over at one of its writes."""

    def __init__(self, simulation, at, fault) -> None:
        self._inner, self._simulation = simulation.journal, simulation
        self._left, self._fault = at, fault
        self.refused = False

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def append(self, run, events, actor, **more):
        assert not self.refused, "wrote on after the lease was lost"
        self._left -= 1
        if self._left > 0 or self._fault is None:
            return self._inner.append(run, events, actor, **more)
        if self._fault == "away for good" or (self._fault == "away" and self._left > -3):
            raise JournalUnavailableError("the disk is full")
        if self._left == 0 and self._fault == "killed before":
            raise Killed
        if self._left == 0 and self._fault == "taken over":
            self._inner.take_lease(f"run:{run}", OTHER, 15.0, take_over=True)
            self._inner.append(run, [NoteAdded(text="taken over")], ENGINE)
        try:
            stored = self._inner.append(run, events, actor, **more)
        except LeaseError:
            self.refused = True
            raise
        assert self._fault != "taken over" or self._left > 0, "wrote with a lease that somebody else took"
        if self._left == 0 and self._fault == "killed after":
            raise Killed
        return stored


class World:
    """What happened on the targets, and what goes wrong there."""

    def __init__(self, machine) -> None:
        self.machine = machine
        self.effects: Counter[str] = Counter()
        self.mishaps: dict[str, list[str]] = {}
        self.sights: list[str] = []

    def attempt(self, order):
        """Make an attempt as the engine's does, seen from the loop: the effect lands when it is submitted."""
        self.machine.look_at(order)
        mishap = next(iter(self.mishaps.pop(order.task, [])), "")
        once = order.action == "test.once"
        if order.settle and once:
            return ended(order, Outcome.FAILED, error="can't tell", in_doubt=True, needs_person=True)
        if mishap == "note":
            self.machine.simulation.say(NoteAdded(text="somebody speaks meanwhile"))
        if mishap == "killed before":
            raise Killed
        if mishap == "fails":
            # Of an earlier attempt that is in doubt, a refusal says nothing.
            return ended(order, Outcome.FAILED, error="refused, and nothing was done", in_doubt=order.settle)
        if mishap == "lost before":
            return ended(order, Outcome.UNREACHABLE, error="no reply", in_doubt=True, needs_person=once)
        # A reattach is known by its token; a check finds what is there.
        key = order.token if order.action == "test.reattached" else order.task
        known = self.effects[f"{order.task} {key}"] > 0
        if order.only_settle and not known:
            return ended(order, Outcome.FAILED, error="it never began", in_doubt=True)
        if not known or once:
            self.effects[f"{order.task} {key}"] += 1
        if mishap == "killed after":
            raise Killed
        if mishap == "lost after":
            return ended(order, Outcome.UNREACHABLE, error="no reply", in_doubt=True, needs_person=once)
        return ended(order, Outcome.UNCHANGED if known else Outcome.CHANGED, seconds=0.1 + len(order.task) % 3)

    def look(self, order):
        """Look again at what ended well."""
        self.machine.look_again_at(order)
        match self.sights.pop() if self.sights else "as it was":
            case "killed":
                raise Killed
            case "drifted":
                return ended(order, Outcome.WOULD_CHANGE)
            case "away":
                return ended(order, Outcome.UNREACHABLE, error="no route")
        return ended(order, Outcome.UNCHANGED)

    def count(self, task):
        """How many effects a task had."""
        return sum(number for key, number in self.effects.items() if key.startswith(f"{task} "))


@st.composite
def plans(draw):
    steps = []
    for number in range(draw(st.integers(1, 6))):
        needs = draw(st.lists(st.sampled_from([step.id for step in steps]), unique=True, max_size=2)) if steps else []
        if draw(st.integers(0, 5)) == 0:
            action = ActionCall(name="gate.approval", params={"roles": ["director"], "quorum": draw(st.integers(1, 2))})
            steps.append(planned(f"s{number}", needs=needs, action=action))
            continue
        action = ActionCall(name=draw(st.sampled_from(["test.do", "test.once", "test.reattached"])))
        targets = draw(st.sampled_from([["localhost"], ["x", "y"], ["x", "y", "z"]]))
        retry = Retry(attempts=draw(st.integers(1, 2)))
        steps.append(planned(f"s{number}", targets, needs, action=action, retry=retry))
    return plan_of(*steps)


def standing(task):
    """Where a task stands, without the times that the engine and the journal each take by themselves."""
    return replace(task, begun_at=None, opened_at=None)


class Faults(RuleBasedStateMachine):
    """One run over any number of processes, each of which may end badly."""

    @initialize(plan=plans(), forks=st.sampled_from([1, 2, 50]))
    def open(self, plan, forks):
        self.world = World(self)
        catalog = FakeCatalog(Do(), Once(), Reattached(), Approval())
        self.simulation = Simulation(plan, make=self.world.attempt, look=self.world.look, catalog=catalog)
        self.forks = forks
        self.good: dict[str, str] = {}

    @rule(
        fault=st.sampled_from([None, "killed before", "killed after", "away", "away for good", "taken over"]),
        at=st.integers(1, 8),
        mishaps=st.lists(st.tuples(st.integers(0, 20), st.sampled_from(MISHAPS)), max_size=3),
        sights=st.lists(st.sampled_from(SIGHTS), max_size=3),
    )
    def process(self, fault, at, mishaps, sights):
        """A process goes on with the run until it can't, or dies of what goes wrong."""
        tasks = self.simulation.plan.tasks
        self.world.mishaps = {tasks[number % len(tasks)].id: [what] for number, what in mishaps}
        self.world.sights = list(sights)
        self.part(FaultyJournal(self.simulation, at, fault))
        self.world.mishaps, self.world.sights = {}, []

    @rule(person=st.sampled_from(["dana", "eli"]))
    def approve(self, person):
        """Somebody approves the first open gate that they did not approve yet."""
        for name, task in self.simulation.state.tasks.items():
            if task.phase is Phase.GATE and person not in {approval.person for approval in task.approvals}:
                answer = GateApproved(task=name, person=person, role="director", fingerprint=task.opened.fingerprint)
                self.simulation.say(answer)
                return

    @rule()
    def look(self):
        """A person looks at the targets of what is in doubt (or drifted), and says so; a run that failed is resumed first."""
        if self.simulation.state.closed is not None:
            return
        for name, task in self.simulation.state.tasks.items():
            if task.phase is Phase.DOUBT:
                truth = "done" if self.world.count(name) else "retry"
                self.simulation.say(TaskResolved(task=name, number=task.attempts, truth=truth))
                # Somebody else, at the same moment, was wrong about it: that changes nothing.
                wrong = "retry" if truth == "done" else "done"
                self.simulation.say(TaskResolved(task=name, number=task.attempts, truth=wrong))
            elif task.phase is Phase.HELD:
                self.simulation.say(HoldResolved(task=name, decision="ignore", reason="it is as I want it"))
                for other in ("retry", "skip", "abort"):
                    self.simulation.say(HoldResolved(task=name, decision=other, reason="at the same moment"))

    @invariant()
    def nothing_is_lost_or_done_twice(self):
        if not hasattr(self, "simulation"):
            return
        now = {
            name: str(task.outcome)
            for name, task in self.simulation.state.tasks.items()
            if task.phase in {Phase.ENDED, Phase.HELD} and task.outcome.ended_well
        }
        assert {name: now.get(name) for name in self.good} == self.good
        self.good = now
        assert all(self.world.count(task.id) <= 1 for task in self.simulation.plan.tasks), self.world.effects
        assert self.simulation.journal.verify() == []

    def teardown(self):
        if not hasattr(self, "simulation"):
            return
        for _ in range(2 * len(self.simulation.plan.steps) + 2):
            if (closed := self.simulation.state.closed) is not None and closed.status == "succeeded":
                break
            self.part(self.simulation.journal)
            self.look()
            for person in ("dana", "eli"):
                for _ in self.simulation.plan.tasks:
                    self.approve(person)
            self.nothing_is_lost_or_done_twice()
        assert self.simulation.state.closed is not None
        assert self.simulation.state.closed.status == "succeeded", self.simulation.outcomes()
        effects = {task.id: self.world.count(task.id) for task in self.simulation.plan.tasks if not self.is_gate(task)}
        assert set(effects.values()) <= {1}, effects

    def part(self, journal):
        if (closed := self.simulation.state.closed) is not None and closed.status == "succeeded":
            return
        self.journal = journal
        try:
            self.simulation.advance(journal=journal, forks=self.forks)
        except (Killed, JournalError, LeaseError):
            return
        live, replayed = ({name: standing(task) for name, task in state.tasks.items()} for state in (
            self.simulation.live, self.simulation.state))  # fmt: skip
        assert live == replayed

    def look_at(self, order):
        """Hold an attempt that reaches its target against invariants 1, 3, 4 and 5."""
        plan, state = self.simulation.plan, self.simulation.state
        started = self.simulation.kinds(AttemptStarted)
        assert any(
            (event.task, event.number, event.token) == (order.task, order.number, order.token) for event in started
        )
        assert state.task(order.task).phase is Phase.RUNNING
        assert state.fence == order.fence
        assert not getattr(self.journal, "refused", False), "started by somebody who lost the lease"
        step = plan.steps[plan.tasks[plan.task_index[order.task]].step]
        for task in plan.tasks:
            if plan.steps[task.step].id in {need.step for need in step.needs}:
                needed = state.task(task.id)
                if order.only_settle and needed.phase is Phase.HELD:
                    continue  # what had begun before its need drifted is settled, and nothing is begun
                assert needed.phase is Phase.ENDED
                assert needed.outcome.ended_well

    def look_again_at(self, order):
        """Hold a look that reaches its target against invariant 7."""
        standing = self.simulation.state.task(order.task)
        assert standing.phase is Phase.ENDED
        assert standing.outcome in {Outcome.CHANGED, Outcome.UNCHANGED}
        assert order.task in self.simulation.kinds(RecheckStarted)[-1].tasks
        assert self.simulation.state.fence == order.fence

    def is_gate(self, task):
        return self.simulation.plan.steps[task.step].step.action.name == "gate.approval"


Faults.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestFaults = Faults.TestCase
