"""The use case `forecast`: how long a run will take, by what earlier runs took and what the file says."""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from runbook_engine.app.history import History
from runbook_engine.execution.forecast import Trial, try_out
from runbook_engine.model.errors import UsageError
from runbook_engine.model.forecast import Forecast, StepForecast, WhatIf
from runbook_engine.model.names import parse_duration
from runbook_engine.model.plan import Plan, PlannedStep
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.share import share_of

_Source: TypeAlias = Literal["history", "hint", "supposed", "none"]
_WORK = 200_000  # tasks that are tried on paper, over all trials
_FEWEST, _MOST = 20, 1000
_MOST_TIMES = 1000.0
_TIMES = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)x")


class _Known(NamedTuple):
    """What is known of how long a task of a step takes; `samples` counts what was measured."""

    source: _Source
    seconds: Sequence[float]
    samples: int = 0


def forecast(
    plan: Plan, history: History, *, forks: int, supposed: Sequence[WhatIf] = (), trials: int | None = None
) -> Forecast:
    """Try the plan out on paper, again and again; the same plan and history give the same forecast.

    Args:
        forks: greatest number of tasks at once.
        supposed: what is supposed of steps.
        trials: how often; by the plan's size when None.
    """
    number = trials or min(_MOST, max(_FEWEST, _WORK // max(1, len(plan.tasks))))
    assumed = {one.step: one for one in supposed}
    known = [_known(step, history, assumed.get(step.id)) for step in plan.steps]
    ids = [step.id for step in plan.steps]
    fails = frozenset(plan.step_index[one.step] for one in supposed if one.fails)

    def tried(unknown: Mapping[int, float]) -> list[Trial]:
        source = random.Random(plan.fingerprint)  # noqa: S311 - draws durations, no secrets

        def draw(index: int) -> float:
            seconds = known[index].seconds
            return source.choice(seconds) if seconds else unknown.get(index, 0.0)

        return [try_out(plan, draw, forks, fails) for _ in range(number)]

    made = tried({})
    # Nobody needs to know how long a step takes that would not be done at all.
    unknown = [index for index, one in enumerate(known) if not one.seconds and made[0].ends[index] is not None]
    slowest = tried({index: plan.steps[index].step.timeout.total_seconds() for index in unknown}) if unknown else made
    seconds = [trial.seconds for trial in made]
    objective = plan.runbook.objectives.rto
    rto = objective.total_seconds() if objective is not None else None
    most = sum(trial.well and trial.seconds <= rto for trial in made) / number if rto is not None else None
    paths = Counter(trial.longest for trial in made)
    never = tuple(step for index, step in enumerate(ids) if plan.steps[index].targets and made[0].ends[index] is None)
    return Forecast(
        runbook=plan.runbook.name,
        inventory=plan.inventory.name,
        runs=history.runs,
        trials=number,
        p50=share_of(seconds, 0.5),
        p90=share_of(seconds, 0.9),
        at_most=share_of([trial.seconds for trial in slowest], 0.9) if unknown else None,
        unknown=tuple(ids[index] for index in unknown),
        rto=rto,
        within_rto=most if not unknown or not most else None,
        within_rto_at_most=most,
        critical_path=tuple(ids[index] for index in paths.most_common(1)[0][0]),
        steps=tuple(_step(index, step, known[index], made) for index, step in enumerate(ids)),
        supposed=tuple(one.text for one in supposed),
        blocked=never if fails else (),
        fails=bool(fails) and not made[0].well,
    )


def suppose(text: str, plan: Plan) -> WhatIf:
    """Read `STEP=fails`, `STEP=30m` or `STEP=2x`.

    Raises:
        UsageError: it is none of them, or the plan has no such step.
    """
    step, _, what = text.partition("=")
    if step not in plan.step_index:
        hint = did_you_mean(step, plan.step_index) or f"steps: {', '.join(plan.step_index)}"
        raise UsageError(f"--what-if {text}: the plan has no step {step!r}", hint=hint)
    if what == "fails":
        return WhatIf(step=step, fails=True, text=text)
    try:
        if what.endswith("x"):
            match = _TIMES.fullmatch(what)
            if match is None or float(match[1]) > _MOST_TIMES:
                raise ValueError(what)  # noqa: TRY301 - told with the other ways to get it wrong
            return WhatIf(step=step, times=float(match[1]), text=text)
        return WhatIf(step=step, takes=parse_duration(what).total_seconds(), text=text)
    except ValueError as error:
        hint = "write STEP=fails, STEP=30m or STEP=2x"
        raise UsageError(f"--what-if {text}: {what!r} is nothing that can be supposed", hint=hint) from error


def suppose_all(texts: Sequence[str], plan: Plan) -> list[WhatIf]:
    """Read several suppositions as `suppose` does; the same one said twice is one.

    Raises:
        UsageError: one of them is wrong, or two say different things of one step.
    """
    found: dict[str, WhatIf] = {}
    for one in (suppose(text, plan) for text in texts):
        before = found.setdefault(one.step, one)
        if before.model_copy(update={"text": one.text}) != one:
            raise UsageError(
                f"--what-if {before.text} and --what-if {one.text} contradict each other", hint="suppose one at a time"
            )
    return list(found.values())


def _known(step: PlannedStep, history: History, what: WhatIf | None) -> _Known:
    takes = step.step.takes
    if past := history.seconds.get(step.id):
        known = _Known("history", past, len(past))
    else:
        known = _Known("hint", [takes.total_seconds()]) if takes is not None else _Known("none", ())
    if what is None or what.fails:
        return known
    if what.takes is not None:
        return _Known("supposed", [what.takes])
    # Twice what is not known is not known.
    times = what.times if what.times is not None else 1.0
    return _Known("supposed", [one * times for one in known.seconds], known.samples) if known.seconds else known


def _step(index: int, step: str, known: _Known, made: Sequence[Trial]) -> StepForecast:
    ends = [end for trial in made if (end := trial.ends[index]) is not None]
    return StepForecast(
        id=step,
        source=known.source,
        samples=known.samples,
        p50=share_of(known.seconds, 0.5),
        p90=share_of(known.seconds, 0.9),
        ends_p50=share_of(ends, 0.5) if ends else None,
        critical=sum(index in trial.longest for trial in made) / len(made),
    )
