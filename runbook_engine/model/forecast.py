"""How long a run will take: what is known of each step, and what follows for the whole."""

from typing import Literal

from runbook_engine.model.base import Frozen


class StepForecast(Frozen):
    """One step.

    Attributes:
        source: `history` (durations of earlier runs), `hint` (`takes` in the file), `supposed`, or `none`.
        samples: how many durations of a task there are.
        p50, p90: seconds that one task takes, in half and in nine tenths of the cases.
        ends_p50: seconds from the run's beginning until the whole step is over, in half of the trials.
        critical: share of the trials in which the run would have been shorter if this step had been.
    """

    id: str
    source: Literal["history", "hint", "supposed", "none"]
    samples: int = 0
    p50: float = 0.0
    p90: float = 0.0
    ends_p50: float | None = None
    critical: float = 0.0


class WhatIf(Frozen):
    """Something that is supposed of a step: it fails, a task takes so many seconds, or so many times as long."""

    step: str
    fails: bool = False
    takes: float | None = None
    times: float | None = None
    text: str = ""


class Forecast(Frozen):
    """How long a run will take.

    Attributes:
        runs: how many earlier runs the durations come from.
        p50, p90: seconds, in half and in nine tenths of the trials; steps that nothing is known of count nothing.
        at_most: seconds in nine tenths of the trials when those last until their timeouts; None when all is known.
        unknown: the steps that nothing is known of.
        within_rto: share of the trials that meet the recovery time objective `rto`; None without one, and while it
            can't be told because of steps that nothing is known of. What fails meets no objective.
        within_rto_at_most: the same if the steps that nothing is known of took no time.
        blocked: steps that would not be done, under what was supposed.
        fails: under what was supposed, the run does not end well.
    """

    runbook: str
    inventory: str
    runs: int
    trials: int
    p50: float
    p90: float
    at_most: float | None = None
    unknown: tuple[str, ...] = ()
    rto: float | None = None
    within_rto: float | None = None
    within_rto_at_most: float | None = None
    critical_path: tuple[str, ...] = ()
    steps: tuple[StepForecast, ...] = ()
    supposed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    fails: bool = False
