"""Two runs side by side: what was given to them, how they went, where they differ."""

from runbook_engine.model.base import Frozen
from runbook_engine.model.outcome import Outcome


class Difference(Frozen):
    """Something that is not the same in both; empty where one does not have it."""

    what: str
    first: str = ""
    second: str = ""


class StepComparison(Frozen):
    """A step in both runs.

    Attributes:
        seconds: of the step's tasks together; None where the run has no such step, or it was never begun.
        worse, better: how the second run's stands to the first's; neither between runs of different modes, nor where
            one was skipped or left unproven.
    """

    id: str
    first: str = ""
    second: str = ""
    first_seconds: float | None = None
    second_seconds: float | None = None
    worse: bool = False
    better: bool = False


class Comparison(Frozen):
    """Two runs; `given` is what decided them, `result` what came of it."""

    first: str
    second: str
    given: tuple[Difference, ...] = ()
    result: tuple[Difference, ...] = ()
    steps: tuple[StepComparison, ...] = ()
    counts: dict[Outcome, tuple[int, int]] = {}
