"""Which steps of a dry run stand on something that was not really done."""

from runbook_engine.model.plan import Plan


class Taints:
    """Remembers steps that were not really done; what needs them, near or far, can't be proven either."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._steps: set[int] = set()

    def mark(self, step: int) -> None:
        """Take note that a step was not really done."""
        self._steps.add(step)

    def reach(self, step: int) -> bool:
        """Whether anything that the step needs was not really done; asked only when all of it is over."""
        if step not in self._steps and any(
            self.reach(self._plan.step_index[need.step]) for need in self._plan.steps[step].needs
        ):
            self._steps.add(step)
        return step in self._steps
