"""What is next: a pure, incremental function of the plan and the tasks that ended.

Work is in proportion to what changed: ending a task touches its own step, and the steps (or the tasks on the same
target) that wait for it, never the whole plan.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from runbook_engine.execution.schedule_state import Decisions, StepStanding
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import OnFailure


class Schedule:
    """Decides which tasks may start.

    Args:
        plan: the plan.
        done: outcomes of tasks that ended well in an earlier part of the run, by index; they count as ended as soon
            as their turn comes and are not given as ready.
    """

    def __init__(self, plan: Plan, done: Mapping[int, Outcome] | None = None) -> None:
        self._plan = plan
        self._done = dict(done or {})
        self._tasks = plan.tasks
        self._steps: list[StepStanding] = []
        self._step_dependents: list[list[int]] = [[] for _ in plan.steps]
        self._target_dependents: list[list[int]] = [[] for _ in plan.steps]
        self._task_left: dict[int, int] = {}
        self._by_target: dict[int, dict[str, list[int]]] = {}
        self._mutex_holder: dict[str, int] = {}
        self._mutex_waiting: dict[str, deque[int]] = {}
        self._ended: set[int] = set()
        self._steps_left = len(plan.steps)
        self._work: deque[tuple[int, Outcome]] = deque()
        self._to_open: deque[int] = deque()
        for index, planned in enumerate(plan.steps):
            whole = 0
            for need in planned.needs:
                other = plan.step_index[need.step]
                if need.per_target:
                    self._target_dependents[other].append(index)
                    self._index_targets(other)
                    self._index_targets(index)
                else:
                    whole += 1
                    self._step_dependents[other].append(index)
            self._steps.append(StepStanding(needs_left=whole, size=sum(planned.batches)))
        for index, planned in enumerate(plan.steps):
            if not any(need.per_target for need in planned.needs):
                continue
            others = [plan.step_index[need.step] for need in planned.needs if need.per_target]
            for task in plan.tasks_of(index):
                left = sum(len(self._by_target[other].get(task.target, ())) for other in others)
                if left:
                    self._task_left[plan.first_task[index] + task.number] = left

    @property
    def over(self) -> bool:
        """Whether every task ended or is blocked."""
        return self._steps_left == 0

    def start(self) -> Decisions:
        """Give what may start before anything ended."""
        decisions = Decisions()
        self._to_open.extend(index for index, step in enumerate(self._steps) if step.needs_left == 0)
        self._settle(decisions)
        return decisions

    def end(self, task: int, outcome: Outcome) -> Decisions:
        """Take note that a task ended, and give what follows."""
        decisions = Decisions()
        if task not in self._ended:
            self._ended.add(task)
            self._work.append((task, outcome))
            self._settle(decisions)
        return decisions

    def withdraw(self, task: int) -> Decisions | None:
        """Take back a task that is ready and was not begun, when its step was stopped since; None when it may start.

        Where there is room for fewer tasks than are ready, most of a step's tasks are still to begin when it fails.
        """
        index = self._tasks[task].step
        decisions = Decisions()
        if not self._steps[index].stopped or task in self._ended:
            return None
        self._steps[index].running -= 1
        self._free_mutex(task, decisions)
        self._block(task, self._steps[index].stopped, decisions)
        self._settle(decisions)
        return decisions

    def stop(self, because: str) -> Decisions:
        """Let nothing more start but what is `always` done, and give what is blocked by that."""
        decisions = Decisions()
        for index, step in enumerate(self._steps):
            if step.over or step.stopped or self._plan.steps[index].step.always:
                continue
            step.stopped = because
            self._block_rest(index, decisions)
            if step.size == 0:
                self._to_open.append(index)
        self._settle(decisions)
        return decisions

    def would_fail(self, task: int) -> bool:
        """Tell whether a failure of the task is one more than its step tolerates."""
        index = self._tasks[task].step
        return self._steps[index].failures + 1 > self._plan.steps[index].max_failures

    def step_ended_well(self, step: int) -> bool | None:
        """Tell whether a step ended well; None while it is not over."""
        state = self._steps[step]
        return state.ended_well if state.over else None

    def _settle(self, decisions: Decisions) -> None:
        """Work off everything that ended, until nothing more follows. A queue, so that no chain is too long."""
        while self._work or self._to_open:
            if self._work:
                task, outcome = self._work.popleft()
                self._end_one(task, outcome, decisions)
            else:
                self._open(self._to_open.popleft(), decisions)

    def _end_one(self, task: int, outcome: Outcome, decisions: Decisions) -> None:
        index = self._tasks[task].step
        step, planned = self._steps[index], self._plan.steps[index]
        step.ended += 1
        if outcome is not Outcome.BLOCKED:
            step.running -= 1
            step.batch_left -= 1
            self._free_mutex(task, decisions)
        if outcome.ended_well:
            step.good += 1
        else:
            step.bad_targets.add(self._tasks[task].target)
            step.failures += outcome is not Outcome.BLOCKED
        tolerant = planned.step.on_failure is OnFailure.CONTINUE
        if step.failures > planned.max_failures and not tolerant and not step.stopped:
            step.stopped = f"step {planned.id} failed"
            self._block_rest(index, decisions)
        self._tell_target_dependents(task, index, good=outcome.ended_well or tolerant, decisions=decisions)
        if step.ended == step.size:
            self._close(index, decisions)
        elif not step.stopped and step.opened:
            self._release_batch(index)
            self._fill(index, decisions)

    def _open(self, index: int, decisions: Decisions) -> None:
        """A step's needs are over: release its first batch, or pass on when it has no tasks."""
        step = self._steps[index]
        step.opened = True
        if step.size == 0:
            self._close(index, decisions)
            return
        if not self._plan.steps[index].step.always:
            for task, because in self._shut_out(index):
                self._block(task, because, decisions)
        self._release_batch(index)
        self._fill(index, decisions)

    def _shut_out(self, index: int) -> Iterable[tuple[int, str]]:
        """Find tasks on targets where something that the step needs failed within what was tolerated."""
        first = self._plan.first_task[index]
        for need in self._plan.steps[index].needs:
            other = self._plan.step_index[need.step]
            state = self._steps[other]
            if need.per_target or not state.bad_targets:
                continue
            if self._plan.steps[other].step.on_failure is OnFailure.CONTINUE:
                continue
            for task in self._plan.tasks_of(index):
                if task.target in state.bad_targets:
                    yield first + task.number, f"{need.step} did not end well on {task.target}"

    def _release_batch(self, index: int) -> None:
        """Release the next batch when the last one is over; batches that were blocked as a whole are passed by."""
        step, planned = self._steps[index], self._plan.steps[index]
        first = self._plan.first_task[index]
        while step.batch_left == 0 and step.next_batch < len(planned.batches):
            begin = first + step.released
            step.released += planned.batches[step.next_batch]
            step.next_batch += 1
            for task in range(begin, first + step.released):
                if task not in self._ended:
                    step.batch_left += 1
                    if not self._task_left.get(task):
                        step.waiting.append(task)

    def _fill(self, index: int, decisions: Decisions) -> None:
        """Start waiting tasks while there is room."""
        step, planned = self._steps[index], self._plan.steps[index]
        room = planned.step.parallel or step.size
        mutex = planned.step.mutex
        while step.waiting and step.running < room:
            task = step.waiting.popleft()
            step.running += 1
            if task in self._done:
                self._ended.add(task)
                self._work.append((task, self._done[task]))
            elif mutex is None or self._mutex_holder.setdefault(mutex, task) == task:
                decisions.ready.append(task)
            else:
                self._mutex_waiting.setdefault(mutex, deque()).append(task)

    def _free_mutex(self, task: int, decisions: Decisions) -> None:
        mutex = self._plan.steps[self._tasks[task].step].step.mutex
        if mutex is None or self._mutex_holder.get(mutex) != task:
            return
        queue = self._mutex_waiting.get(mutex)
        if queue:
            self._mutex_holder[mutex] = queue.popleft()
            decisions.ready.append(self._mutex_holder[mutex])
        else:
            del self._mutex_holder[mutex]

    def _block_rest(self, index: int, decisions: Decisions) -> None:
        """Block every task of a step that was not started."""
        step, first = self._steps[index], self._plan.first_task[index]
        mutex = self._plan.steps[index].step.mutex
        queue = self._mutex_waiting.get(mutex, deque()) if mutex is not None else deque()
        queued = [task for task in queue if self._tasks[task].step == index]
        for task in queued:
            queue.remove(task)
        step.running -= len(queued)
        held_back = [task for task in range(first, first + step.released) if self._task_left.get(task)]
        for task in sorted({*queued, *step.waiting, *held_back, *range(first + step.released, first + step.size)}):
            self._block(task, step.stopped, decisions)
        step.waiting.clear()

    def _block(self, task: int, because: str, decisions: Decisions) -> None:
        """A task can never start; counters follow when its turn in the queue comes."""
        if task in self._ended:
            return
        index = self._tasks[task].step
        if self._tasks[task].number < self._steps[index].released:
            self._steps[index].batch_left -= 1
        self._ended.add(task)
        decisions.blocked.append((task, because))
        self._work.append((task, Outcome.BLOCKED))

    def _tell_target_dependents(self, task: int, index: int, *, good: bool, decisions: Decisions) -> None:
        """Let the tasks on the same target that wait for this one go on, or block them."""
        for dependent in self._target_dependents[index]:
            step, planned = self._steps[dependent], self._plan.steps[dependent]
            first = self._plan.first_task[dependent]
            for waiter in self._by_target[dependent].get(self._tasks[task].target, ()):
                left = self._task_left.get(waiter, 0)
                if not left or waiter in self._ended:
                    continue
                if not good and not planned.step.always:
                    self._block(waiter, f"{self._tasks[task].id} did not end well", decisions)
                    continue
                self._task_left[waiter] = left - 1
                if left == 1 and waiter < first + step.released and not step.stopped:
                    step.waiting.append(waiter)
            if step.opened and not step.stopped:
                self._fill(dependent, decisions)

    def _close(self, index: int, decisions: Decisions) -> None:
        """A step is over: tell the steps that wait for it."""
        step, planned = self._steps[index], self._plan.steps[index]
        step.over = True
        self._steps_left -= 1
        nothing_ran = step.size > 0 and step.good == 0 and step.failures == 0
        step.ended_well = not (step.stopped or nothing_ran or self._inherits_failure(index))
        for dependent in self._step_dependents[index]:
            other = self._steps[dependent]
            other.needs_left -= 1
            if other.stopped:
                continue
            if not step.ended_well and not self._plan.steps[dependent].step.always:
                other.stopped = f"step {planned.id} did not end well"
                self._block_rest(dependent, decisions)
                if other.size == 0:
                    self._to_open.append(dependent)
            elif other.needs_left == 0:
                self._to_open.append(dependent)

    def _inherits_failure(self, index: int) -> bool:
        """Whether tasks were blocked because a step failed that this one follows target by target."""
        for need in self._plan.steps[index].needs:
            other = self._steps[self._plan.step_index[need.step]]
            if need.per_target and other.over and not other.ended_well:
                return True
        return False

    def _index_targets(self, index: int) -> None:
        """Note a step's tasks by target, for per-target edges."""
        if index in self._by_target:
            return
        first = self._plan.first_task[index]
        by_target: dict[str, list[int]] = {}
        for task in self._plan.tasks_of(index):
            by_target.setdefault(task.target, []).append(first + task.number)
        self._by_target[index] = by_target
