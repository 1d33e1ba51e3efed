"""The fold: what a run's events add up to. The checkpoint, and nothing besides it."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from runbook_engine.execution.message_state import MessagesState
from runbook_engine.execution.refusals import Refusals
from runbook_engine.execution.task_state import Phase, TaskState
from runbook_engine.model.clocks import Marks
from runbook_engine.model.counted import CountedAnswers
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    DriftFound,
    Event,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    LeaseLost,
    LeaseTaken,
    ManualAnswered,
    PlanAccepted,
    RevertDue,
    RunAbortRequested,
    RunClosed,
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

# Given out for every task that nothing happened to, and never written to.
_UNTOUCHED = TaskState()


class RunState:
    """Everything that the engine knows of a run, from its events alone.

    `paused` and `abort` have the operator's reason while the run is paused, or is to end; None otherwise. `signers` has
    the fingerprints of people's keys as the newest holder found them. `revert_due` says which step's failure ends the
    run, so that it is taken back. `ends`: why nothing new begins but what is always done; None while it may.
    """

    def __init__(self, run: str, events: Iterable[StoredEvent] = (), *, whole: bool = True) -> None:
        """Begin with these events; `whole`: every event of the run is told, and not only those of a tally."""
        self.run = run
        self.seq = 0
        self.opened: RunOpened | None = None
        self.opened_at: datetime | None = None
        self.requester: str | None = None
        self.closed: RunClosed | None = None
        self.fingerprint = ""
        self.steps: tuple[StepSummary, ...] = ()
        self._digests: dict[str, str] = {}
        self.fence = 0
        self.machine = ""
        self.signers: dict[str, tuple[str, ...]] = {}
        self.paused: str | None = None
        self.abort: str | None = None
        self.abort_cancels = False
        self.revert_due: RevertDue | None = None
        self.ends: str | None = None
        self.tasks: dict[str, TaskState] = {}
        self.messages = MessagesState()
        self.marks = Marks()
        self.refusals = Refusals()
        self._answers = CountedAnswers(whole=whole)
        for stored in events:
            self.apply(stored)

    def passing(self, events: Iterable[StoredEvent]) -> Iterator[StoredEvent]:
        """Take note of each event and pass it on, so that a long run is read once for all who need it."""
        for stored in events:
            self.apply(stored)
            yield stored

    def answers(self) -> CountedAnswers:
        """Give what tells of each later answer whether it counts; it goes on by itself."""
        return self._answers.copy()

    def task(self, task: str) -> TaskState:
        """Give a task's state; a task that nothing happened to is waiting."""
        return self.tasks.get(task) or _UNTOUCHED

    def token(self, task: str) -> str:
        """Give the identity of the task's current logical attempt: the same over crashes and transport retries."""
        return self._token(task, self.task(task).logical)

    def tokens(self, task: str) -> list[str]:
        """Give the identities of all the task's logical attempts, the current one last."""
        return [self._token(task, logical) for logical in range(1, self.task(task).logical + 1)]

    def _token(self, task: str, logical: int) -> str:
        return hashlib.sha256(f"{self.run}\n{task}\n{logical}".encode()).hexdigest()[:32]

    def apply(self, stored: StoredEvent) -> bool:
        """Take note of an event that the journal has; tell whether it counts.

        Of two answers to one question the first does; the other one changes nothing.
        """
        event = stored.event
        # (These two are nearly all events, and answer nothing; a start marks nothing either.)
        if isinstance(event, AttemptStarted) or isinstance(event, AttemptFinished):  # noqa: SIM101 - a union is made anew each time
            self.seq = stored.seq
            self._answers.take(event)
            if isinstance(event, AttemptFinished):
                self.marks.take(stored)
            self._apply_task(event, stored.time)
            return True
        if self._answers.objection(stored) is not None:
            self.seq = stored.seq
            return False
        self.recorded(stored)
        self.apply_event(event, stored.time)
        return True

    def recorded(self, stored: StoredEvent) -> None:
        """Take note that an event that was applied on its way is in the journal now."""
        self.seq = stored.seq
        if isinstance(stored.event, AttemptStarted):
            return  # (half of all events, and it marks nothing)
        if isinstance(stored.event, RunOpened):
            self.requester = stored.actor.name
        self.refusals.take(stored)
        self.marks.take(stored)

    def apply_event(self, event: Event, time: datetime) -> None:
        """Take note of an event that is on its way into the journal."""
        self._answers.take(event)
        match event:
            case AttemptStarted() | AttemptFinished() | TaskSkipped() | TaskBlocked() | TaskResolved():
                self._apply_task(event, time)  # (nearly all events, so it is asked first)
            case RunOpened():
                self.opened, self.opened_at = event, time
                self._take_plan(event)
            case RunClosed():
                self.closed = event
            case LeaseTaken():
                self.fence, self.closed, self.signers = event.fence, None, event.signers
                self.machine = event.machine
                self.messages.another_process()
            case LeaseLost():
                self.fence = max(self.fence, event.fence)
            case PlanAccepted():
                self._take_plan(event)
            case GateOpened() | GateApproved() | GateDeclined() | GateExpired() | ManualAnswered():
                self._apply_gate(event, time)
            case HoldOpened() | HoldResolved() | DriftFound():
                self._apply_hold(event)
            case RunPaused() | RunContinued() | RunAbortRequested() | RevertDue():
                self._apply_order(event)
            case _:
                # Messages; the other kinds are records for people, and nothing is decided by them.
                self.messages.apply(event, time)

    def _touched(self, task: str) -> TaskState:
        found = self.tasks.get(task)
        if found is None:
            found = self.tasks[task] = TaskState()
        return found

    def _take_plan(self, event: RunOpened | PlanAccepted) -> None:
        self.fingerprint, self.steps = event.fingerprint, event.steps
        self._digests = {step.id: step.digest for step in event.steps}

    def _apply_task(
        self, event: AttemptStarted | AttemptFinished | TaskSkipped | TaskBlocked | TaskResolved, time: datetime
    ) -> None:
        task = self._touched(event.task)
        task.ignored, task.drift = False, None
        if not isinstance(event, AttemptStarted):
            task.digest = self._digests.get(step_of(event.task))
        match event:  # (this runs a hundred thousand times before a long run goes on)
            case AttemptStarted():
                task.machine = task.machine if task.unproven_end else self.machine
                task.settles, task.begun_at = event.settles, time
                task.phase, task.attempts, task.unproven_end = Phase.RUNNING, event.number, True
            case AttemptFinished():
                task.phase = Phase.DOUBT if event.in_doubt else Phase.ENDED
                task.found_done = task.settles and event.outcome is Outcome.UNCHANGED
                task.outcome, task.reason, task.unproven_end = event.outcome, event.error, event.in_doubt
                if event.outcome.ended_well:
                    task.outputs, task.partial = event.outputs, {}
                else:
                    task.partial = event.outputs
                    task.logical += not event.in_doubt
                if event.unbegun and event.was_none:
                    task.phase, task.outcome = Phase.WAITING, None
            case TaskSkipped():
                task.phase, task.outcome, task.reason = Phase.ENDED, Outcome.SKIPPED, event.reason
            case TaskBlocked():
                task.phase, task.outcome, task.reason = Phase.ENDED, Outcome.BLOCKED, event.because
            case TaskResolved():
                doubtful, task.reason, task.unproven_end = task.unproven_end, event.reason, False
                if event.truth == "done":
                    task.phase, task.outcome = Phase.ENDED, Outcome.CHANGED
                else:
                    task.phase, task.outcome = Phase.WAITING, None
                    task.logical += doubtful

    def _apply_gate(
        self, event: GateOpened | GateApproved | GateDeclined | GateExpired | ManualAnswered, time: datetime
    ) -> None:
        task = self._touched(event.task)
        match event:
            case GateOpened():
                task.phase, task.opened, task.opened_at = Phase.GATE, event, time
                task.approvals, task.declined, task.answered = (), None, None
            case GateApproved():
                task.approvals = (*task.approvals, event)
            case GateDeclined():
                task.declined = event
            case ManualAnswered():
                task.answered = event
            case GateExpired():
                task.phase, task.outcome, task.reason = Phase.ENDED, Outcome.FAILED, "nobody approved in time"

    def _apply_hold(self, event: HoldOpened | HoldResolved | DriftFound) -> None:
        task = self._touched(event.task)
        if isinstance(event, DriftFound):
            task.phase, task.outcome, task.drift = Phase.ENDED, event.outcome, event
            return
        task.digest = self._digests.get(step_of(event.task))
        task.reason, task.ignored = event.reason, False
        if isinstance(event, HoldOpened):
            task.phase, task.held, task.outcome = Phase.HELD, event, event.outcome
            return
        ended = task.drift or task.held
        task.phase, task.outcome = Phase.ENDED, ended.outcome if ended else Outcome.FAILED
        match event.decision:
            case "retry":
                task.phase, task.outcome = Phase.WAITING, None
                # What ended well and drifted is done anew: its old token would find the old attempt.
                task.logical += task.drift is not None
            case "skip":
                task.outcome = Outcome.SKIPPED
            case "ignore":
                task.ignored = True
            case "abort":
                return  # it failed, and that the run is to end is said by an event of its own

    def _apply_order(self, event: RunPaused | RunContinued | RunAbortRequested | RevertDue) -> None:
        match event:
            case RevertDue():
                self.revert_due = event
                self.ends = self.ends or f"step {event.step} failed, and the run is taken back"
            case RunPaused():
                self.paused = event.reason if self.paused is None else self.paused
            case RunContinued():
                self.paused = None
            case RunAbortRequested():
                self.abort_cancels = self.abort_cancels or event.cancel
                if self.abort is None:
                    self.abort, self.ends = event.reason, f"the run was aborted: {event.reason}"
