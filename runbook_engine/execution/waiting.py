"""The tasks that may start and do not run: those that are ready, wait for a time, or wait for a person."""

import heapq
from collections import deque
from collections.abc import Callable

from runbook_engine.execution.holds import Holds
from runbook_engine.execution.open_gates import OpenGates
from runbook_engine.execution.recorder import Recorder
from runbook_engine.model.event import TaskBlocked


class Waiting:
    """Keeps them by their index in the plan; `doubts` has that of each task in doubt that only a person can settle."""

    def __init__(self, gates: OpenGates, holds: Holds, recorder: Recorder) -> None:
        self.ready: deque[int] = deque()
        self.gates = gates
        self.holds = holds
        self.doubts: dict[str, int] = {}
        self._recorder = recorder
        self._delayed: list[tuple[float, int]] = []

    @property
    def answerable(self) -> list[str]:
        """Name the tasks that a person's answer lets go on while the run waits for it."""
        return [*self.gates.asking, *self.holds.tasks]

    @property
    def next_at(self) -> float | None:
        """Give the monotonic time at which the next task is to be looked at; None when none waits for a time."""
        return self._delayed[0][0] if self._delayed else None

    def later(self, at: float, index: int) -> None:
        """Let a task wait until that monotonic time."""
        heapq.heappush(self._delayed, (at, index))

    def look(self, now: float) -> None:
        """Make those ready whose time has come."""
        while self._delayed and self._delayed[0][0] <= now:
            self.ready.append(heapq.heappop(self._delayed)[1])

    def give_up(self, because: str, *, lost: Callable[[int], bool], untouched: Callable[[int], bool]) -> list[int]:
        """Give those up that the end of the run takes with it.

        What was not begun stays ready, to be withdrawn when its turn comes; what is between two tries, or in doubt,
        stays in the record as it is.

        Args:
            lost: whether a task goes with the run.
            untouched: whether no attempt of it was made.
        """
        given_up = self.holds.abandon(because)
        for task, index in [(task, index) for task, index in self.gates.tasks.items() if lost(index)]:
            del self.gates.tasks[task]
            self._recorder.add(TaskBlocked(task=task, because=because))
            given_up.append(index)
        for task, index in [(task, index) for task, index in self.doubts.items() if lost(index)]:
            del self.doubts[task]
            given_up.append(index)
        soon = [*self.ready, *(index for _, index in self._delayed)]
        self._delayed.clear()
        self.ready = deque(index for index in soon if not lost(index) or untouched(index))
        return given_up + [index for index in soon if lost(index) and not untouched(index)]
