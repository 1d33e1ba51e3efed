"""How long a run that is shown still takes, by what its steps took in earlier runs."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from runbook_engine.cli.run_view import RunView
from runbook_engine.model.event import StepSummary
from runbook_engine.reporting import outlook
from runbook_engine.reporting.outlook import StepAhead, ToGo


def to_go(view: RunView, takes: Mapping[str, float], now: datetime) -> ToGo | None:
    """Add up the longest chain of what is left; None when nothing is known of anything that is left.

    Args:
        takes: seconds that a task of a step usually takes.
    """
    return outlook.to_go((_ahead(view, step, now) for step in view.plan), takes)


class UsualTimes:
    """Finds out in the background what a runbook's steps usually take, so that the run does not wait for it.

    Args:
        read: gives it by the runbook's name; whatever goes wrong with that, the run is shown without a forecast.
    """

    def __init__(self, read: Callable[[str], Mapping[str, float]]) -> None:
        self._read = read
        self._begun = ""
        self._found: Mapping[str, float] = {}

    def of(self, runbook: str) -> Mapping[str, float]:
        """Give what is known by now."""
        if self._begun != runbook:
            self._begun, self._found = runbook, {}
            threading.Thread(target=self._look, args=(runbook,), name="usual times", daemon=True).start()
        return self._found

    def _look(self, runbook: str) -> None:
        found = self._read(runbook)
        if self._begun == runbook:
            self._found = found


def _ahead(view: RunView, step: StepSummary, now: datetime) -> StepAhead:
    running = view.running_of(step.id)
    passed = (now - running[0][1]).total_seconds() if running else 0.0
    return StepAhead(step.id, step.needs, view.steps[step.id].over, passed)
