"""What the schedule keeps of each step, and what it says follows."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Decisions:
    """What follows from the tasks that ended: tasks that may start now, and tasks that never can, with the reason."""

    ready: list[int] = field(default_factory=list)
    blocked: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class StepStanding:
    """Where one step stands.

    Attributes:
        needs_left: steps it still waits for as a whole.
        next_batch: index of the batch to release next; `released` counts the tasks released so far, `batch_left`
            those of them that did not end yet.
        stopped: why nothing more of it may start; empty while it may.
        waiting: released tasks whose own edges are met but for which there is no room (`parallel`, `mutex`).
    """

    needs_left: int
    size: int
    opened: bool = False
    over: bool = False
    ended_well: bool = True
    next_batch: int = 0
    released: int = 0
    batch_left: int = 0
    running: int = 0
    ended: int = 0
    good: int = 0
    failures: int = 0
    stopped: str = ""
    waiting: deque[int] = field(default_factory=deque)
    bad_targets: set[str] = field(default_factory=set)
