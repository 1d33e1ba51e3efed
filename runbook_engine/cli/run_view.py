"""What a person who watches a run needs to see, folded from its events."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase, TaskState
from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    Event,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    ManualAnswered,
    PlanAccepted,
    RunAbortRequested,
    RunContinued,
    RunOpened,
    RunPaused,
    StepSummary,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome

FOLD_ABOVE = 20


@dataclass(slots=True)
class StepProgress:
    """How far a step is: its number of tasks, and how those that ended did.

    Attributes:
        told: tasks that a line of their own named, because they did not end well.
    """

    tasks: int = 1
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)

    @property
    def many(self) -> bool:
        """Whether it has so many tasks that they are counted rather than told one by one."""
        return self.tasks > FOLD_ABOVE

    @property
    def over(self) -> bool:
        """Whether every task ended."""
        return self.outcomes.total() >= self.tasks


class RunView:
    """The state that is shown while a run goes on.

    Attributes:
        plan: the steps, each behind what it needs.
        running: start of each running attempt, by task.
        said: what a running attempt last said of itself, by task.
        gates: the open gates, by task.
        approvals: who approved an open gate so far, by task.
        doubts: why nobody can tell how an attempt ended, by task.
        holds: how a task failed that waits for the operator's decision, by task.
        order: what the operator said of the run as a whole: that it is paused, or is to end; empty otherwise.
    """

    def __init__(self) -> None:
        self.opened: RunOpened | None = None
        self.run = ""
        self.started_at: datetime | None = None
        self._forget()

    def _forget(self) -> None:
        """Know of no task."""
        self.plan: tuple[StepSummary, ...] = ()
        self.steps: dict[str, StepProgress] = {}
        self.running: dict[str, datetime] = {}
        self.said: dict[str, str] = {}
        self.gates: dict[str, GateOpened] = {}
        self.approvals: dict[str, list[str]] = {}
        self.doubts: dict[str, str] = {}
        self.holds: dict[str, HoldOpened] = {}
        self.order = ""
        self._ended: dict[str, Outcome] = {}
        self._answers = CountedAnswers()

    @property
    def counts(self) -> Counter[Outcome]:
        """How many tasks ended how."""
        return Counter(self._ended.values())

    def step(self, task: str) -> StepProgress:
        """Give the progress of a task's step."""
        step = step_of(task)
        found = self.steps.get(step)
        if found is None:
            found = self.steps[step] = StepProgress()
        return found

    def outcome(self, task: str) -> Outcome | None:
        """Give how a task ended; None while it did not, or is tried again."""
        return self._ended.get(task)

    def running_of(self, step: str) -> list[tuple[str, datetime]]:
        """Give the running tasks of a step with their start, those that run longest first."""
        found = [(task, since) for task, since in self.running.items() if step_of(task) == step]
        return sorted(found, key=lambda item: item[1])

    def recall(self, state: RunState) -> None:
        """Show what a run's events add up to, as if each had been taken; quicker, for a run has 100,000 of them."""
        self._forget()
        self.opened, self.run, self.started_at = state.opened, state.run, state.opened_at
        self.plan, self._answers = state.steps, state.answers()
        self.steps = {step.id: StepProgress(step.tasks) for step in state.steps}
        self.order = "is to end" if state.abort is not None else "is paused" if state.paused is not None else ""
        for name, task in state.tasks.items():
            if task.phase is Phase.ENDED and task.outcome is not None:
                self._ended[name] = task.outcome
                if (step := self.steps.get(step_of(name))) is not None:
                    step.outcomes[task.outcome] += 1
            elif task.phase is not Phase.ENDED:
                self._recall_open(name, task)

    def _recall_open(self, name: str, task: TaskState) -> None:
        if task.phase is Phase.RUNNING and task.begun_at is not None:
            self.running[name] = task.begun_at
        elif task.phase is Phase.DOUBT:
            self.doubts[name] = task.reason
        elif task.phase is Phase.HELD and task.held is not None:
            self.holds[name] = task.held
        elif task.phase is Phase.GATE and task.opened is not None and task.declined is None and task.answered is None:
            self.gates[name], self.approvals[name] = task.opened, [one.person for one in task.approvals]

    def take(self, stored: StoredEvent) -> StoredEvent:
        """Take note of an event, and give it as it counts: what an answer amounts to that does not is another one."""
        event = stored.event
        # (These two are nearly all events, and answer nothing.)
        if isinstance(event, AttemptStarted) or isinstance(event, AttemptFinished):  # noqa: SIM101 - a union is made anew each time
            self._answers.take(event)
        else:
            stored = self._answers.counted(stored)
        self._take(stored)
        return stored

    def _take(self, stored: StoredEvent) -> None:
        match stored.event:
            case AttemptStarted(task=task):  # (this and the next are nearly all events, so they are asked first)
                self.running[task] = stored.time
                self.doubts.pop(task, None)
                self._again(task)
            case AttemptFinished() as finished:
                self._finish(finished)
            case RunOpened() as opened:
                self._open(opened, stored)
            case PlanAccepted(steps=steps) if steps:
                known, self.plan = self.steps, steps
                self.steps = {step.id: known.get(step.id, StepProgress()) for step in steps}
                for step in steps:
                    self.steps[step.id].tasks = step.tasks
            case TaskSkipped(task=task):
                self._end(task, Outcome.SKIPPED)
            case TaskBlocked(task=task):
                self._end(task, Outcome.BLOCKED)
            case TaskResolved() as resolved:
                self._resolve(resolved)
            case HoldOpened() | HoldResolved() | RunPaused() | RunContinued() | RunAbortRequested():
                self._take_order(stored.event)
            case _:
                self._take_gate(stored.event)

    def _open(self, opened: RunOpened, stored: StoredEvent) -> None:
        """Begin anew: where a run is taken back at once, another one with the same tasks follows."""
        self._forget()
        self.opened, self.run, self.started_at = opened, stored.run, stored.time
        self.plan = opened.steps
        self.steps = {step.id: StepProgress(step.tasks) for step in opened.steps}

    def _finish(self, finished: AttemptFinished) -> None:
        if not finished.in_doubt and not finished.unbegun:
            self._end(finished.task, finished.outcome)
            return
        self._stop(finished.task)
        if finished.in_doubt:
            self.doubts[finished.task] = finished.error
        else:
            self._again(finished.task)

    def _resolve(self, resolved: TaskResolved) -> None:
        self._stop(resolved.task)
        self.doubts.pop(resolved.task, None)
        if resolved.truth == "done":
            self._end(resolved.task, Outcome.CHANGED)

    def _take_order(self, event: HoldOpened | HoldResolved | RunPaused | RunContinued | RunAbortRequested) -> None:
        match event:
            case HoldOpened(task=task):
                self._again(task)
                self.holds[task] = event
            case HoldResolved(task=task, decision=decision):
                held = self.holds.pop(task, None)
                if decision != "retry":
                    self._end(task, Outcome.SKIPPED if decision == "skip" else held.outcome if held else Outcome.FAILED)
            case RunAbortRequested():
                self.order = "is to end"
            case RunPaused() | RunContinued() if self.order != "is to end":
                self.order = "is paused" if isinstance(event, RunPaused) else ""

    def _take_gate(self, event: Event) -> None:
        match event:
            case GateOpened(task=task) as gate:
                self.gates[task], self.approvals[task] = gate, []
                self._again(task)  # (one that expired is asked anew)
            case GateApproved(task=task, person=person):
                self.approvals.setdefault(task, []).append(person)
            case GateDeclined(task=task) | ManualAnswered(task=task):
                self.gates.pop(task, None)
            case GateExpired(task=task):
                self._end(task, Outcome.FAILED)
            case _:
                return

    def _stop(self, task: str) -> None:
        self.running.pop(task, None)
        self.said.pop(task, None)
        self.gates.pop(task, None)
        self.holds.pop(task, None)

    def _end(self, task: str, outcome: Outcome) -> None:
        self._stop(task)
        self._again(task)
        self.doubts.pop(task, None)
        self._ended[task] = outcome
        self.step(task).outcomes[outcome] += 1

    def _again(self, task: str) -> None:
        """Forget how a task ended that is attempted again."""
        earlier = self._ended.pop(task, None)
        if earlier is not None:
            self.step(task).outcomes[earlier] -= 1
