"""The only loop: take what happened, write it down in one batch, decide what is next, start it."""

import heapq
from collections import deque

from runbook_engine.execution.done_before import done_before
from runbook_engine.execution.gates import would_ask
from runbook_engine.execution.loop_tools import RunEnd, RunOptions, RunTools
from runbook_engine.execution.open_gates import GateEnd, OpenGates
from runbook_engine.execution.orders import Invalid, OpenGate, Ordered, Prepared, Skip, Unknown
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.retry import delay_before
from runbook_engine.execution.schedule import Decisions, Schedule
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    Event,
    GateApproved,
    GateDeclined,
    LeaseLost,
    RecoveryPointUsed,
    RunClosed,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.outcome import Finding, Grade, Mode, Outcome, unknown
from runbook_engine.model.plan import Plan, Task
from runbook_engine.ports.action import Effect
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptProgress, AttemptReport

_CANCEL_GRACE = 5.0
_MUTEX_LOOK = 1.0


def run_plan(plan: Plan, state: RunState, tools: RunTools, options: RunOptions) -> RunEnd:
    """Advance a run until it is over, waits for a person, or is interrupted.

    Args:
        state: what the journal says of the run so far; goes on being its fold.

    Raises:
        JournalError: the journal can't be written, and that did not pass; nothing new was started.
        LeaseError: another process took the run over; nothing was written since.
    """
    return _Loop(plan, state, tools, options).run()


class _Loop:
    """The state of the loop itself: what is ready, what runs, what waits for a time or a person."""

    def __init__(self, plan: Plan, state: RunState, tools: RunTools, options: RunOptions) -> None:
        self._plan = plan
        self._state = state
        self._tools = tools
        self._options = options
        self._recorder = Recorder(state, tools, options)
        self._schedule = Schedule(plan, done_before(plan, state))
        self._ready: deque[int] = deque()
        self._running: dict[str, AttemptOrder] = {}
        self._delayed: list[tuple[float, int]] = []
        self._gates = OpenGates(state, self._recorder)
        self._doubts: dict[str, int] = {}
        self._tries: dict[str, int] = {}
        self._tainted: set[int] = set()
        self._orders: list[AttemptOrder] = []
        self._cancelled_at: float | None = None

    def run(self) -> RunEnd:
        """Go on until there is nothing that this process can do."""
        self._follow(self._schedule.start())
        while True:
            self._start_ready()
            for stored in self._recorder.flush():
                self._heed(stored)
            for order in self._orders:
                self._tools.dispatcher.submit(order)
            self._orders.clear()
            if self._ready and self._room and not self._tools.interrupts.count:
                continue
            if (end := self._end()) is not None:
                return end
            self._wait()

    def _end(self) -> RunEnd | None:
        """Tell how the loop ends, None while it goes on."""
        if self._tools.interrupts.count and (not self._running or self._cancel_is_over()):
            self._stop("interrupted by the operator")
            return "interrupted"
        if self._schedule.over and not self._running:
            return self._close()
        busy = self._running or self._delayed or self._ready or self._recorder.pending
        if busy or (self._gates.tasks and self._options.wait):
            return None
        if self._gates.tasks or self._doubts:
            waiting = [*self._gates.tasks, *self._doubts]
            self._stop(f"waits for a person: {', '.join(waiting)}")
            return "waiting"
        raise RunbookError("the run can't go on, and nothing says why", hint="this is a defect; report it")

    def _start_ready(self) -> None:
        """Prepare tasks that may start while there is room, and queue what is to be written before they do."""
        while self._ready and self._room and not self._tools.interrupts.count:
            index = self._ready.popleft()
            task = self._plan.tasks[index]
            planned = self._plan.steps[task.step]
            if self._is_untouched(task) and (withdrawn := self._schedule.withdraw(index)) is not None:
                self._follow(withdrawn)
                continue
            if planned.id in self._options.skip:
                self._finish(index, TaskSkipped(task=task.id, reason=self._options.skip[planned.id]), Outcome.SKIPPED)
                continue
            mutex = planned.step.mutex
            if mutex is not None and not self._is_dry and not self._recorder.hold(f"mutex:{mutex}"):
                # Another run has it; look again soon.
                heapq.heappush(self._delayed, (self._tools.clock.monotonic() + _MUTEX_LOOK, index))
                continue
            number = self._state.task(task.id).attempts + 1
            taints = self._is_dry and self._is_tainted(task.step)
            prepared = self._tools.orders.prepare(task, number=number, taints=taints)
            self._act(index, task, number, prepared)

    def _is_untouched(self, task: Task) -> bool:
        """Whether nothing was tried yet; a task between two tries, or in doubt, is one that runs and is left to end."""
        return task.id not in self._tries and not self._state.task(task.id).unproven_end

    def _act(self, index: int, task: Task, number: int, prepared: Prepared) -> None:
        match prepared:
            case Skip(reason):
                self._finish(index, TaskSkipped(task=task.id, reason=reason), Outcome.SKIPPED)
            case Unknown(references):
                text = f"depends on {', '.join(references)}, known after apply"
                self._finish_untouched(index, number, Outcome.UNPROVEN, finding=unknown(text), grade=Grade.UNPROVEN)
            case Invalid(error):
                self._finish_untouched(index, number, Outcome.FAILED, error=error)
            case OpenGate(event) if self._is_dry:
                finding = would_ask(event)
                self._finish_untouched(index, number, Outcome.WOULD_CHANGE, finding=finding, grade=Grade.SIMULATED)
            case OpenGate(event):
                self._conclude(self._gates.reach(index, event, self._tools.clock.now()))
            case Ordered(order, parameters):
                self._tries[task.id] = self._tries.get(task.id, 0) + 1
                self._running[task.id] = order
                self._orders.append(order)
                self._recorder.add(
                    AttemptStarted(
                        task=task.id, number=number, token=order.token, parameters=parameters, settles=order.settle
                    )
                )

    def _wait(self) -> None:
        """Wait for a message, a time, or something said elsewhere; then take note of all there is."""
        message = self._tools.dispatcher.receive(self._patience())
        while message is not None:
            if isinstance(message, AttemptReport):
                self._take(message)
            elif isinstance(message, AttemptProgress):
                self._tools.listener.progress(message)
            message = self._tools.dispatcher.receive(0)
        if self._tools.interrupts.count > 1 and self._cancelled_at is None:
            self._cancelled_at = self._tools.clock.monotonic()
            for task in self._running:
                self._tools.dispatcher.cancel(task)
        for stored in self._recorder.poll():
            self._heed(stored)
        now = self._tools.clock.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[1])
        for ended in self._gates.expire(self._tools.clock.now()):
            self._conclude(ended)

    def _take(self, report: AttemptReport) -> None:
        """An attempt ended: write it down, retry it, ask a person, or let the schedule go on."""
        order = self._running.pop(report.task)
        index = self._plan.task_index[report.task]
        planned = self._plan.steps[self._plan.tasks[index].step]
        report = self._until(index, report)
        self._recorder.add_report(report)
        if not report.in_doubt and self._may_leave_something(order):
            self._recorder.settled(order)
        if report.outcome.ended_well:
            if report.recovery_point is not None:
                self._recorder.add(RecoveryPointUsed(task=report.task, point=report.recovery_point))
            if report.outcome in {Outcome.WOULD_CHANGE, Outcome.UNPROVEN}:
                self._tainted.add(self._plan.tasks[index].step)
            self._end_task(index, report.outcome)
        elif report.needs_person:
            self._doubts[report.task] = index
        elif self._tries[report.task] < planned.step.retry.attempts and not self._is_dry:
            wait = delay_before(planned.step.retry, self._tries[report.task] + 1, seed=f"{order.run}/{report.task}")
            heapq.heappush(self._delayed, (self._tools.clock.monotonic() + wait, index))
        else:
            self._end_task(index, report.outcome)

    def _may_leave_something(self, order: AttemptOrder) -> bool:
        """Whether the attempt may have put something on its target that a reattach would need."""
        action = self._tools.catalog.get(order.action)
        return action is not None and action.effect is Effect.TOKEN

    def _until(self, index: int, report: AttemptReport) -> AttemptReport:
        """Hold a good end against the step's `retry.until`."""
        if not report.outcome.ended_well or self._is_dry:
            return report
        task = self._plan.tasks[index]
        try:
            accepted = self._tools.orders.accepted(task, report.outputs)
            error = f"until: {self._plan.steps[task.step].step.retry.until} is not true yet"
        except RunbookError as problem:
            accepted, error = False, f"until: {problem.message}"
        if accepted:
            return report
        return AttemptReport(
            task=report.task,
            number=report.number,
            outcome=Outcome.FAILED,
            finding=report.finding,
            seconds=report.seconds,
            output=report.output,
            error=error,
        )

    def _heed(self, event: Event) -> None:
        """Do what a person said from elsewhere."""
        match event:
            case GateApproved(task=task) | GateDeclined(task=task):
                self._conclude(self._gates.settle(task))
            case TaskResolved(task=task, truth=truth) if task in self._doubts:
                index = self._doubts.pop(task)
                if truth == "done":
                    self._end_task(index, Outcome.CHANGED)
                else:
                    self._tries[task] = 0
                    self._ready.append(index)
            case _:
                # Everything else is for the record only.
                return

    def _finish_untouched(
        self,
        index: int,
        number: int,
        outcome: Outcome,
        *,
        finding: Finding | None = None,
        grade: Grade | None = None,
        error: str = "",
    ) -> None:
        """End a task without having touched its target."""
        task = self._plan.tasks[index]
        grade = grade if self._is_dry else None
        outputs = finding.outputs if finding else {}
        self._finish(
            index,
            AttemptFinished(
                task=task.id, number=number, outcome=outcome, finding=finding, outputs=outputs, grade=grade, error=error
            ),
            outcome,
        )
        if outcome is Outcome.UNPROVEN:
            self._tainted.add(task.step)

    def _conclude(self, ended: GateEnd | None) -> None:
        if ended is not None:
            self._finish(ended.index, ended.event, ended.outcome)

    def _finish(self, index: int, event: Event, outcome: Outcome) -> None:
        self._recorder.add(event)
        self._end_task(index, outcome)

    def _end_task(self, index: int, outcome: Outcome) -> None:
        """Let go of what the task held, and on with what waited for it."""
        mutex = self._plan.steps[self._plan.tasks[index].step].step.mutex
        if mutex is not None:
            self._recorder.drop(f"mutex:{mutex}")
        self._follow(self._schedule.end(index, outcome))

    def _follow(self, decisions: Decisions) -> None:
        self._ready.extend(decisions.ready)
        for index, because in decisions.blocked:
            self._recorder.add(TaskBlocked(task=self._plan.tasks[index].id, because=because))

    def _is_tainted(self, step: int) -> bool:
        """Whether anything that the step needs was not really done; asked only when all of it is over."""
        if step not in self._tainted and any(
            self._is_tainted(self._plan.step_index[need.step]) for need in self._plan.steps[step].needs
        ):
            self._tainted.add(step)
        return step in self._tainted

    @property
    def _is_dry(self) -> bool:
        return self._options.mode is Mode.DRY_RUN

    @property
    def _room(self) -> bool:
        return len(self._running) < self._options.forks

    def _patience(self) -> float:
        """Give the seconds that nothing needs to be looked at."""
        patience = self._options.poll_seconds if self._gates.tasks or self._doubts else 4 * self._options.poll_seconds
        if self._delayed:
            patience = min(patience, self._delayed[0][0] - self._tools.clock.monotonic())
        return max(0.001, patience)

    def _cancel_is_over(self) -> bool:
        since = self._cancelled_at
        return since is not None and self._tools.clock.monotonic() - since > _CANCEL_GRACE

    def _stop(self, reason: str) -> None:
        """Leave a run that can be resumed."""
        self._recorder.add(LeaseLost(fence=self._tools.lease.fence, reason=reason))
        self._recorder.flush()

    def _close(self) -> RunEnd:
        """Write down how the run ended."""
        well = all(self._schedule.step_ended_well(index) for index in range(len(self._plan.steps)))
        status: RunEnd = "succeeded" if well else "failed"
        self._recorder.flush()
        marks, rta, rpa = self._state.marks.achieved(status)
        counts: dict[Outcome, int] = {}
        for task in self._state.tasks.values():
            if task.outcome is not None:
                counts[task.outcome] = counts.get(task.outcome, 0) + 1
        proven = self._recorder.proven(len(self._plan.tasks)) if self._is_dry else None
        self._recorder.add(RunClosed(status=status, clocks=marks, rta=rta, rpa=rpa, proven=proven, counts=counts))
        self._recorder.flush()
        return status
