"""What the loop knows of a run that it advances, and what follows when a task ends."""

from collections import deque
from collections.abc import Mapping

from runbook_engine.execution.ahead import behind_drift
from runbook_engine.execution.holds import FAILED, Holds
from runbook_engine.execution.loop_tools import RunOptions, RunTools
from runbook_engine.execution.messages import Messages
from runbook_engine.execution.open_gates import GateEnd, OpenGates
from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.schedule import Schedule
from runbook_engine.execution.schedule_state import Decisions
from runbook_engine.execution.state import RunState
from runbook_engine.execution.taints import Taints
from runbook_engine.execution.task_state import Phase
from runbook_engine.execution.waiting import Waiting
from runbook_engine.model.event import (
    INTERRUPTED,
    AttemptFinished,
    Event,
    HoldResolved,
    LeaseLost,
    RevertDue,
    TaskBlocked,
)
from runbook_engine.model.outcome import Finding, Grade, Mode, Outcome
from runbook_engine.model.plan import Plan, Task
from runbook_engine.model.runbook import OnFailure
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport

_MOST_LOST = 3  # workers that may vanish with one task before it is held against the task


class LoopState:
    """The state of the loop itself: what is ready, what runs, what waits for a time or a person."""

    def __init__(
        self,
        plan: Plan,
        state: RunState,
        tools: RunTools,
        options: RunOptions,
        recorder: Recorder,
        messages: Messages,
        done: Mapping[int, Outcome],
    ) -> None:
        self._plan = plan
        self._state = state
        self._tools = tools
        self._options = options
        self._is_dry = options.mode is Mode.DRY_RUN
        self._recorder = recorder
        self._messages = messages
        self._schedule = Schedule(plan, done)
        self._running: dict[str, AttemptOrder] = {}
        self._gates = OpenGates(state, self._recorder)
        self._holds = Holds(plan, state, self._schedule, self._recorder, options.mode)
        self._waiting = Waiting(self._gates, self._holds, self._recorder)
        # Attempts that are settled before their turn, and how they ended; None while that is not known.
        self._ahead: dict[int, Outcome | None] = {}
        self._to_settle = deque(behind_drift(plan, state)) if not self._is_dry else deque()
        self._tries: dict[str, int] = {}
        self._decided: dict[int, HoldResolved] = {}
        self._taints = Taints(plan)
        self._orders: list[AttemptOrder] = []
        self._cancelled_at: float | None = None
        self._recalled = False
        self._lost: dict[str, int] = {}
        self._stays = options.wait or state.paused is None

    def _is_untouched(self, index: int) -> bool:
        """Whether nothing was tried yet; a task between two tries, or in doubt, is one that runs and is left to end."""
        task = self._plan.tasks[index]
        return task.id not in self._tries and not self._state.task(task.id).unproven_end

    def _is_given_up(self, index: int) -> bool:
        """Whether the run is to end and this is none of what is always done."""
        return self._state.ends is not None and not self._plan.steps[self._plan.tasks[index].step].step.always

    def _adopt(self, task: Task) -> bool:
        """Wait for the end of an attempt that another process ordered, if somebody makes it, in place of a new one."""
        known = self._state.task(task.id)
        if not known.unproven_end or known.phase is not Phase.RUNNING:
            return False
        order = self._tools.dispatcher.adopt(task.id, known.attempts)
        if order is not None:
            self._tries[task.id] = self._tries.get(task.id, 0) + 1
            self._running[task.id] = order
        return order is not None

    def _is_begun_anew(self, index: int, report: AttemptReport) -> bool:
        """Whether the attempt does not count: nobody began it, or whoever made it vanished.

        What became of the latter is for the next attempt to find out. A task that outlives nobody is not tried forever.
        """
        if report.lost:
            self._lost[report.task] = self._lost.get(report.task, 0) + 1
        counts = not report.unbegun and (not report.lost or self._lost[report.task] >= _MOST_LOST)
        if counts or self._is_given_up(index):
            return False
        self._ahead.pop(index, None)  # another try is a start, and waits for its turn
        self._tries[report.task] -= 1
        return True

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
                task=task.id,
                number=number,
                outcome=outcome,
                finding=finding,
                outputs=outputs,
                grade=grade,
                error=error,
                # Nobody looked: what an earlier attempt left in doubt is so still.
                in_doubt=not outcome.ended_well and self._state.task(task.id).unproven_end,
            ),
            outcome,
        )
        if outcome is Outcome.UNPROVEN:
            self._taints.mark(task.step)

    def _conclude(self, ended: GateEnd | None) -> None:
        if ended is not None:
            self._finish(ended.index, ended.event, ended.outcome)

    def _finish(self, index: int, event: Event, outcome: Outcome) -> None:
        self._recorder.add(event)
        self._end_task(index, outcome)

    def _end_task(self, index: int, outcome: Outcome) -> None:
        """Hold a task that failed when its step says so; else go on with what waited for it."""
        if index in self._ahead:
            self._ahead[index] = outcome
            return
        if self._holds.open(index, outcome):
            return
        is_last_straw = self._takes_back(index, outcome)
        if is_last_straw:
            task = self._plan.tasks[index]
            reason = self._state.task(task.id).reason
            self._recorder.add(RevertDue(step=self._plan.steps[task.step].id, task=task.id, reason=reason))
        self._let_go(index, outcome)
        if is_last_straw:
            self._wind_down()

    def _takes_back(self, index: int, outcome: Outcome) -> bool:
        """Whether the run ends with this failure, to be taken back; a dry run changed nothing."""
        step = self._plan.steps[self._plan.tasks[index].step].step
        if step.on_failure is not OnFailure.REVERT or outcome not in FAILED or self._is_dry:
            return False
        return self._state.ends is None and self._schedule.would_fail(index)

    def _wind_down(self) -> None:
        """Let nothing more start but what is always done; give up what waits, and let what runs end."""
        because = self._state.ends or ""
        self._to_settle.clear()
        self._follow(self._schedule.stop(because))
        for index in self._waiting.give_up(because, lost=self._is_given_up, untouched=self._is_untouched):
            self._let_go(index, Outcome.FAILED)

    def _let_go(self, index: int, outcome: Outcome) -> None:
        """Give back what the task had, and go on with what waited for it."""
        mutex = self._plan.steps[self._plan.tasks[index].step].step.mutex
        if mutex is not None:
            self._recorder.drop(f"mutex:{mutex}")
        self._follow(self._schedule.end(index, outcome))

    def _follow(self, decisions: Decisions) -> None:
        self._waiting.ready.extend(decisions.ready)
        for index, because in decisions.blocked:
            if index in self._ahead:
                continue  # it had begun, and ends as it ends
            self._recorder.add(TaskBlocked(task=self._plan.tasks[index].id, because=because))

    @property
    def _pauses(self) -> bool:
        return self._state.paused is not None and self._state.ends is None

    @property
    def _may_start(self) -> bool:
        room = len(self._running) < self._options.forks
        return room and not self._tools.interrupts.count and not self._pauses and not self._winds_down

    @property
    def _winds_down(self) -> bool:
        """Whether the run is to end and something still runs: what is always done may clean up after that."""
        if self._state.ends is None:
            return False
        return any(self._is_given_up(self._plan.task_index[task]) for task in self._running)

    @property
    def _is_over(self) -> bool:
        """Whether every task has ended, and nothing runs."""
        return self._schedule.over and not self._running

    def _ended_well(self, step: str) -> bool | None:
        """Whether a step ended well, and not only tolerably; None while it is not over.

        People are told that something is done: a failure that the run goes on after (`on_failure: continue`) is none.
        """
        index = self._plan.step_index.get(step)
        well = self._schedule.step_ended_well(index) if index is not None else None
        if index is None or not well or self._plan.steps[index].step.on_failure is not OnFailure.CONTINUE:
            return well
        tasks = (self._state.task(task.id) for task in self._plan.tasks_of(index))
        return sum(task.counts_as in FAILED for task in tasks) <= self._plan.steps[index].max_failures

    def _stop(self, reason: str) -> None:
        """Leave a run that can be resumed."""
        if reason != INTERRUPTED:
            reason += self._messages.waiting()
        self._recorder.add(LeaseLost(fence=self._tools.lease.fence, reason=reason))
        self._recorder.flush()
