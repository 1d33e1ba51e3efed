"""The only loop: take what happened, write it down in one batch, decide what is next, start it."""

from runbook_engine.execution.gates import would_ask
from runbook_engine.execution.loop_state import LoopState
from runbook_engine.execution.loop_tools import RunEnd, RunOptions, RunTools
from runbook_engine.execution.messages import Messages
from runbook_engine.execution.orders import Invalid, OpenGate, Ordered, Prepared, Skip, Unknown
from runbook_engine.execution.recheck import recheck, settle_by_looking
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.retry import delay_before
from runbook_engine.execution.run_end import close_run
from runbook_engine.execution.state import RunState
from runbook_engine.execution.until import held_against_until
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import (
    INTERRUPTED,
    AttemptStarted,
    Event,
    GateApproved,
    GateDeclined,
    HoldResolved,
    ManualAnswered,
    RecoveryPointUsed,
    RunAbortRequested,
    RunPaused,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.outcome import Grade, Outcome, unknown
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
    recorder = Recorder(state, tools, options)
    messages = Messages(plan, state, tools, options, recorder)
    # Who waited while nobody advanced the run is told first, before anything is looked at or begun.
    messages.turn()
    recorder.flush()
    messages.submit()
    done = recheck(plan, state, tools, options, recorder, messages)
    return _Loop(plan, state, tools, options, recorder, messages, done).run()


class _Loop(LoopState):
    """The loop: what it does in each turn."""

    def run(self) -> RunEnd:
        """Go on until there is nothing that this process can do."""
        self._follow(self._schedule.start())
        if self._state.ends is not None:
            self._abort()
        while True:
            self._start_ready()
            self._messages.turn(self._ended_well, over=self._is_over)
            for stored in self._recorder.flush(self._orders):
                self._heed(stored)
            self._messages.submit()
            for order in self._orders:
                self._tools.dispatcher.submit(order)
            self._orders.clear()
            if self._waiting.ready and self._may_start:
                continue
            if (end := self._end()) is not None:
                return end
            self._wait()

    def _end(self) -> RunEnd | None:
        """Tell how the loop ends, None while it goes on."""
        runs = bool(self._running) or self._messages.in_flight
        if self._tools.interrupts.count and (not runs or self._cancel_is_over()):
            self._stop(INTERRUPTED)
            return "interrupted"
        tells = self._messages.pending
        if self._is_over and not tells:
            return self._close()
        if self._pauses and not self._running and not self._stays and not tells:
            self._stop("is paused")
            return "waiting"
        scheduled = self._waiting.ready or self._waiting.next_at is not None
        busy = self._running or scheduled or self._recorder.pending or self._gates.timed or tells
        answerable = self._waiting.answerable
        if busy or self._pauses or (answerable and self._options.wait):
            return None
        if waiting := [*answerable, *self._waiting.doubts]:
            self._stop(f"waits for a person: {', '.join(waiting)}")
            return "waiting"
        raise RunbookError("the run can't go on, and nothing says why", hint="this is a defect; report it")

    def _start_ready(self) -> None:
        """Prepare tasks that may start while there is room, and queue what is to be written before they do."""
        while self._to_settle and self._may_start:
            self._settle_ahead(self._to_settle.popleft())
        while self._waiting.ready and self._may_start:
            index = self._waiting.ready.popleft()
            task = self._plan.tasks[index]
            planned = self._plan.steps[task.step]
            if self._holds.reopen(index) or self._was_decided(index):
                continue
            if index in self._ahead:
                # Its turn came, or a person let it begin anew, which it does when its turn comes.
                ended = self._ahead.pop(index)
                if ended is not None:
                    self._end_task(index, ended)
                continue
            if self._is_untouched(index) and (withdrawn := self._schedule.withdraw(index)) is not None:
                self._follow(withdrawn)
                continue
            if planned.id in self._options.skip:
                self._finish(index, TaskSkipped(task=task.id, reason=self._options.skip[planned.id]), Outcome.SKIPPED)
                continue
            mutex = planned.step.mutex
            if mutex is not None and not self._is_dry and not self._recorder.hold(f"mutex:{mutex}"):
                # Another run has it; look again soon.
                self._waiting.later(self._tools.clock.monotonic() + _MUTEX_LOOK, index)
                continue
            if self._adopt(task):
                continue
            number = self._state.task(task.id).attempts + 1
            taints = self._is_dry and self._taints.reach(task.step)
            prepared = self._tools.orders.prepare(task, number=number, taints=taints)
            self._act(index, task, number, prepared)

    def _settle_ahead(self, index: int) -> None:
        """Find out what became of an attempt that began before something it needs drifted; nothing is begun."""
        task = self._plan.tasks[index]
        if self._adopt(task):
            self._ahead[index] = None
            return
        number = self._state.task(task.id).attempts + 1
        prepared = self._tools.orders.prepare(task, number=number, taints=False)
        action = self._tools.catalog.get(prepared.order.action) if isinstance(prepared, Ordered) else None
        if isinstance(prepared, Ordered) and action is not None and action.effect is Effect.TOKEN:
            self._ahead[index] = None
            order = prepared.order._replace(only_settle=True)
            self._act(index, task, number, prepared=Ordered(order, prepared.parameters))

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
                finding = would_ask(event, self._tools.clock.now())
                outcome = Outcome.UNCHANGED if finding.satisfied else Outcome.WOULD_CHANGE
                self._finish_untouched(index, number, outcome, finding=finding, grade=Grade.SIMULATED)
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
                if not self._messages.take(message):
                    self._take(message)
            elif isinstance(message, AttemptProgress):
                self._tools.listener.progress(message)
            message = self._tools.dispatcher.receive(0)
        if self._tools.interrupts.count and not self._recalled:
            self._recalled = True
            self._tools.dispatcher.recall()
        if self._tools.interrupts.count > 1 and self._cancelled_at is None:
            self._cancelled_at = self._tools.clock.monotonic()
            for task in self._running:
                self._tools.dispatcher.cancel(task)
        for stored in self._recorder.poll():
            self._heed(stored)
        now = self._tools.clock.monotonic()
        self._waiting.look(now)
        for ended in self._gates.expire(self._tools.clock.now()):
            self._conclude(ended)

    def _take(self, report: AttemptReport) -> None:
        """An attempt ended: write it down, retry it, ask a person, or let the schedule go on."""
        order = self._running.pop(report.task)
        index = self._plan.task_index[report.task]
        planned = self._plan.steps[self._plan.tasks[index].step]
        if not self._is_dry and not report.unbegun:
            report = held_against_until(self._plan.tasks[index], report, self._tools.orders)
        self._recorder.add_report(report)
        if not report.in_doubt and self._may_leave_something(order):
            self._recorder.settled(order)
        tries_again = self._tries[report.task] < planned.step.retry.attempts and not report.for_good
        if self._is_begun_anew(index, report):
            self._waiting.ready.append(index)
        elif report.outcome.ended_well:
            self._end_well(index, report)
        elif self._is_given_up(index):
            self._end_task(index, report.outcome)
        elif report.needs_person:
            self._waiting.doubts[report.task] = index
        elif index in self._ahead and (report.in_doubt or tries_again):
            del self._ahead[index]  # another try is a start, and waits for its turn
        elif tries_again and not self._is_dry:
            wait = delay_before(planned.step.retry, self._tries[report.task] + 1, seed=f"{order.run}/{report.task}")
            self._waiting.later(self._tools.clock.monotonic() + wait, index)
        else:
            self._end_task(index, report.outcome)

    def _end_well(self, index: int, report: AttemptReport) -> None:
        if report.recovery_point is not None:
            self._recorder.add(RecoveryPointUsed(task=report.task, point=report.recovery_point))
        if report.outcome in {Outcome.WOULD_CHANGE, Outcome.UNPROVEN}:
            self._taints.mark(self._plan.tasks[index].step)
        self._end_task(index, report.outcome)

    def _may_leave_something(self, order: AttemptOrder) -> bool:
        """Whether the attempt may have put something on its target that a reattach would need."""
        action = self._tools.catalog.get(order.action)
        return action is not None and action.effect is Effect.TOKEN

    def _heed(self, event: Event) -> None:
        """Do what a person said from elsewhere."""
        match event:
            case GateApproved() | GateDeclined() | ManualAnswered():
                self._conclude(self._gates.heed(event))
            case TaskResolved(task=task, truth=truth) if task in self._waiting.doubts:
                index = self._waiting.doubts.pop(task)
                if truth == "done":
                    self._end_task(index, Outcome.CHANGED)
                else:
                    self._tries[task] = 0
                    self._waiting.ready.append(index)
            case HoldResolved(task=task) if task in self._holds.tasks:
                self._decide(self._holds.tasks.pop(task), event)
            case HoldResolved(task=task) if task in self._plan.task_index:
                self._decided[self._plan.task_index[task]] = event  # before its turn came, and counts when it comes
            case RunAbortRequested():
                self._abort()
            case RunPaused():
                self._tools.dispatcher.recall()
            case _:
                # Everything else is for the record only, or the state knows it (a pause, what is to be told).
                return

    def _decide(self, index: int, event: HoldResolved) -> None:
        """Do what the operator decided about a held task."""
        match event.decision:
            case "retry":
                self._tries[event.task] = 0
                self._waiting.ready.append(index)
            case "skip" | "ignore":
                self._let_go(index, Outcome.SKIPPED)
            case "abort":
                self._let_go(index, Outcome.FAILED)

    def _was_decided(self, index: int) -> bool:
        """Do what was decided about a task before its turn came; false when it is to be begun."""
        said = self._decided.pop(index, None)
        if said is None or said.decision == "retry":
            return False
        self._decide(index, said)
        return True

    def _abort(self) -> None:
        """Wind the run down, for it is to end; cancel what runs where that is wanted."""
        self._wind_down()
        self._tools.dispatcher.recall()
        if self._state.abort_cancels:
            for task, order in self._running.items():
                if self._is_given_up(self._plan.task_index[order.task]):
                    self._tools.dispatcher.cancel(task)

    def _patience(self) -> float:
        """Give the seconds that nothing needs to be looked at."""
        asks = self._waiting.answerable or self._waiting.doubts or self._pauses
        patience = self._recorder.look_seconds
        if not asks and not self._tools.news.hears:
            patience *= 2
        for at in (self._waiting.next_at, self._messages.next_at):
            if at is not None:
                patience = min(patience, at - self._tools.clock.monotonic())
        return max(0.001, patience)

    def _cancel_is_over(self) -> bool:
        since = self._cancelled_at
        return since is not None and self._tools.clock.monotonic() - since > _CANCEL_GRACE

    def _close(self) -> RunEnd:
        """Write down how the run ended; what is in doubt is looked at first when the run is to be taken back."""
        if self._state.revert_due is not None:
            settle_by_looking(self._plan, self._state, self._tools, self._options, self._recorder, self._messages)
        well = all(self._schedule.step_ended_well(index) for index in range(len(self._plan.steps)))
        tasks = len(self._plan.tasks) if self._is_dry else None
        return close_run(self._state, self._recorder, self._messages, well=well, tasks=tasks)
