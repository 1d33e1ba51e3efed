"""Trial runs of a plan on paper: the real schedule, durations drawn at random, and no time passing."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from runbook_engine.execution.schedule import Schedule
from runbook_engine.execution.schedule_state import Decisions
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Trial:
    """How a trial went.

    Attributes:
        seconds: until all was over.
        ends: when each step ended; None: never done.
        longest: the longest chain.
        well: no step failed or was blocked.
    """

    seconds: float
    ends: tuple[float | None, ...]
    longest: tuple[int, ...]
    well: bool = True


def try_out(plan: Plan, draw: Callable[[int], float], forks: int, fails: frozenset[int] = frozenset()) -> Trial:
    """Run a plan on paper once.

    Args:
        draw: gives the seconds that a task of a step takes, by the step's index.
        fails: indices of the steps whose tasks fail.
    """
    schedule = Schedule(plan)
    ready: deque[int] = deque()
    running: list[tuple[float, int]] = []
    ends: list[float | None] = [None] * len(plan.steps)
    now = 0.0

    def follow(decisions: Decisions) -> None:
        ready.extend(decisions.ready)

    follow(schedule.start())
    while ready or running:
        while ready and len(running) < forks:
            task = ready.popleft()
            stopped = schedule.withdraw(task)
            if stopped is not None:
                follow(stopped)
                continue
            heapq.heappush(running, (now + draw(plan.tasks[task].step), task))
        if not running:
            continue
        now, task = heapq.heappop(running)
        step = plan.tasks[task].step
        ends[step] = now
        follow(schedule.end(task, Outcome.FAILED if step in fails else Outcome.CHANGED))
    well = all(schedule.step_ended_well(index) is not False for index in range(len(plan.steps)))
    return Trial(now, tuple(ends), _longest(plan, ends), well)


def _longest(plan: Plan, ends: list[float | None]) -> tuple[int, ...]:
    """Walk back from the step that ended last, each time to the one that it had to wait for."""
    path: list[int] = []
    left = [index for index, end in enumerate(ends) if end is not None]
    while left:
        latest = max(left, key=lambda index: (ends[index] or 0.0, index))
        path.append(latest)
        needed = (plan.step_index[need.step] for need in plan.steps[latest].needs)
        left = [index for index in needed if ends[index] is not None]
    return tuple(reversed(path))
