"""The tasks that failed and wait for the operator's decision (`on_failure: hold`)."""

from runbook_engine.execution.recorder import Recorder
from runbook_engine.execution.schedule import Schedule
from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.event import HoldOpened, HoldResolved
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import OnFailure

FAILED = frozenset({Outcome.FAILED, Outcome.UNREACHABLE})


class Holds:
    """Keeps the held tasks; `tasks` has the index in the plan of each by its task's id."""

    def __init__(self, plan: Plan, state: RunState, schedule: Schedule, recorder: Recorder, mode: Mode) -> None:
        self._plan = plan
        self._state = state
        self._schedule = schedule
        self._recorder = recorder
        self._mode = mode
        self.tasks: dict[str, int] = {}

    def open(self, index: int, outcome: Outcome) -> bool:
        """Hold a task that failed when its step says so; false when it is to be taken as it ended.

        What a step tolerates is not held, a dry run asks nobody, and a run that is to end waits for nobody.
        """
        task = self._plan.tasks[index]
        if outcome not in FAILED or self._plan.steps[task.step].step.on_failure is not OnFailure.HOLD:
            return False
        if self._mode is Mode.DRY_RUN or self._state.ends is not None or not self._schedule.would_fail(index):
            return False
        self._recorder.add(HoldOpened(task=task.id, reason=self._state.task(task.id).reason, outcome=outcome))
        self.tasks[task.id] = index
        return True

    def reopen(self, index: int) -> bool:
        """Go on holding a task that an earlier part of the run held and nobody decided on; false when it is none.

        A run that is to end holds nothing.
        """
        task = self._plan.tasks[index].id
        if self._state.task(task).phase is not Phase.HELD or self._state.ends is not None:
            return False
        self.tasks[task] = index
        return True

    def abandon(self, because: str) -> list[int]:
        """Give the tasks up, for the run is to end."""
        for task in self.tasks:
            self._recorder.add(HoldResolved(task=task, decision="abort", reason=because))
        given_up = list(self.tasks.values())
        self.tasks.clear()
        return given_up
