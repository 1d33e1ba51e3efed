"""What templates see of earlier steps, read from the run's state."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from runbook_engine.execution.state import RunState
from runbook_engine.execution.task_state import Phase
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan, Task

_NOT_DONE = frozenset({Outcome.WOULD_CHANGE, Outcome.UNPROVEN, Outcome.BLOCKED, Outcome.FAILED, Outcome.UNREACHABLE})
_NOT_APPLIED = frozenset({Outcome.WOULD_CHANGE, Outcome.UNPROVEN})


class StepResult:
    """One step as later steps see it (`expressions.steps.StepView`)."""

    def __init__(self, tasks: tuple[Task, ...], state: RunState, *, dry_run: bool) -> None:
        self._tasks = tasks
        self._state = state
        self._dry_run = dry_run

    @property
    def known(self) -> bool:
        """False in a dry run when the step would have to be applied first."""
        if not self._dry_run:
            return True
        return all(self._state.task(task.id).outcome not in {None, *_NOT_DONE} for task in self._tasks)

    @property
    def outputs(self) -> JsonObject:
        """Outputs of the only task; a step with several has them by target."""
        return self._state.task(self._tasks[0].id).outputs if len(self._tasks) == 1 else {}

    @property
    def targets(self) -> Mapping[str, JsonObject]:
        """Outputs by target; with a loop, those of its last item on the target."""
        return {task.target: outputs for task in self._tasks if (outputs := self._state.task(task.id).outputs)}

    @property
    def outcome(self) -> str | None:
        """The worst outcome of the step's tasks; None while one has not ended, or a dry run can't know it."""
        if self._dry_run and any(self._state.task(task.id).outcome in _NOT_APPLIED for task in self._tasks):
            return None
        outcomes = [self._state.task(task.id) for task in self._tasks]
        over = {Phase.ENDED, Phase.DOUBT}
        if not outcomes or any(task.phase not in over or task.outcome is None for task in outcomes):
            return None
        return str(max((task.outcome for task in outcomes if task.outcome), key=_SEVERITY.index))


class StepResults:
    """Every step of the plan as the templates of one runbook file see them: an import's own ids need no prefix."""

    def __init__(self, plan: Plan, state: RunState, *, prefix: str, dry_run: bool) -> None:
        self._plan = plan
        self._state = state
        self._prefix = prefix
        self._dry_run = dry_run

    def step(self, step_id: str) -> StepResult | None:
        """Give a step by the id that its runbook file knows it by."""
        index = self._plan.step_index.get(self._prefix + step_id)
        if index is None:
            return None
        return StepResult(self._plan.tasks_of(index), self._state, dry_run=self._dry_run)

    def ids(self) -> Iterable[str]:
        """Name the steps that can be referred to."""
        return self._ids

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        prefix = self._prefix
        return tuple(step.id[len(prefix) :] for step in self._plan.steps if step.id.startswith(prefix))


_SEVERITY = [
    Outcome.SKIPPED,
    Outcome.UNCHANGED,
    Outcome.CHANGED,
    Outcome.WOULD_CHANGE,
    Outcome.UNPROVEN,
    Outcome.BLOCKED,
    Outcome.UNREACHABLE,
    Outcome.FAILED,
]
