"""The use case `forecast`: how long a run will take, by what earlier runs took and what the file says."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from runbook_engine.execution.forecast import Trial, try_out
from runbook_engine.model.errors import NoJournalError, UsageError
from runbook_engine.model.event import (
    AttemptFinished,
    GateApproved,
    GateOpened,
    ManualAnswered,
    StoredEvent,
    TaskSkipped,
)
from runbook_engine.model.forecast import Forecast, StepForecast, WhatIf
from runbook_engine.model.names import parse_duration, step_of
from runbook_engine.model.outcome import Mode
from runbook_engine.model.plan import Plan, PlannedStep
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.ports.journal import Journal

_Source: TypeAlias = Literal["history", "hint", "none"]
_WORK = 200_000  # tasks that are tried on paper, over all trials
_MOST_EVENTS = 200_000
_FEWEST, _MOST = 20, 1000
_MOST_TIMES = 1000.0
_FOR_REAL = frozenset({Mode.LIVE.value, Mode.DRILL.value})


@dataclass(slots=True)
class History:
    """What earlier runs took: by step the seconds of each task that ended well, waiting and retries included."""

    runs: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)


def read_history(journal: Journal | None, runbook: str, most: int) -> History:
    """Read the durations off the newest runs of a runbook that were done for real and came to an end.

    Args:
        most: greatest number of runs; fewer where they are long.
    """
    found, events = History(), 0
    for head in journal.runs() if journal is not None else ():
        if found.runs == most or events > _MOST_EVENTS:
            break
        if head.runbook == runbook and head.mode in _FOR_REAL and head.closed_at is not None and not head.pruned:
            found.runs += 1
            events += head.events
            for step, seconds in _durations(journal.read(head.id) if journal is not None else ()):
                found.seconds.setdefault(step, []).append(seconds)
    return found


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
    known = {step.id: _known(step, history) for step in plan.steps}
    ids = [step.id for step in plan.steps]
    fails = frozenset(plan.step_index[one.step] for one in supposed if one.fails)
    assumed = {one.step: one for one in supposed if not one.fails}

    def tried(unknown: Mapping[str, float]) -> list[Trial]:
        source = random.Random(plan.fingerprint)  # noqa: S311 - draws durations, no secrets

        def draw(index: int) -> float:
            step = ids[index]
            seconds = source.choice(known[step][1]) if known[step][1] else unknown.get(step, 0.0)
            what = assumed.get(step)
            if what is None:
                return seconds
            return what.takes if what.takes is not None else seconds * (what.times or 1.0)

        return [try_out(plan, draw, forks, fails) for _ in range(number)]

    made = tried({})
    unknown = tuple(step for step in ids if not known[step][1] and step not in assumed)
    longest = {step.id: step.step.timeout.total_seconds() for step in plan.steps if step.id in unknown}
    seconds = [trial.seconds for trial in made]
    rto = plan.runbook.objectives.rto
    paths = Counter(trial.longest for trial in made)
    never = tuple(step for index, step in enumerate(ids) if plan.steps[index].targets and made[0].ends[index] is None)
    return Forecast(
        runbook=plan.runbook.name,
        inventory=plan.inventory.name,
        runs=history.runs,
        trials=number,
        p50=_share(seconds, 0.5),
        p90=_share(seconds, 0.9),
        at_most=_share([trial.seconds for trial in tried(longest)], 0.9) if unknown else None,
        unknown=unknown,
        rto=rto.total_seconds() if rto is not None else None,
        within_rto=sum(one <= rto.total_seconds() for one in seconds) / number if rto is not None else None,
        critical_path=tuple(ids[index] for index in paths.most_common(1)[0][0]),
        steps=tuple(_step(index, step, known[step], made) for index, step in enumerate(ids)),
        supposed=tuple(one.text for one in supposed),
        blocked=never if fails else (),
    )


def open_history(journal_of: Callable[[], Journal], runbook: str, most: int) -> History:
    """Read the history of a runbook; none when nothing was ever run."""
    try:
        journal = journal_of()
    except NoJournalError:
        return History()
    try:
        return read_history(journal, runbook, most)
    finally:
        journal.close()


def usual(history: History) -> dict[str, float]:
    """Give the seconds that a task of each step took in half of the cases."""
    return {step: _share(seconds, 0.5) for step, seconds in history.seconds.items()}


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
            times = float(what[:-1])
            if not 0 <= times <= _MOST_TIMES:
                raise ValueError(what)  # noqa: TRY301 - told with the other ways to get it wrong
            return WhatIf(step=step, times=times, text=text)
        return WhatIf(step=step, takes=parse_duration(what).total_seconds(), text=text)
    except ValueError as error:
        hint = "write STEP=fails, STEP=30m or STEP=2x"
        raise UsageError(f"--what-if {text}: {what!r} is nothing that can be supposed", hint=hint) from error


def _known(step: PlannedStep, history: History) -> tuple[_Source, list[float]]:
    if past := history.seconds.get(step.id):
        return "history", past
    takes = step.step.takes
    return ("hint", [takes.total_seconds()]) if takes is not None else ("none", [])


def _step(index: int, step: str, known: tuple[_Source, list[float]], made: Sequence[Trial]) -> StepForecast:
    source, seconds = known
    ends = [end for trial in made if (end := trial.ends[index]) is not None]
    return StepForecast(
        id=step,
        source=source,
        samples=len(seconds) if source == "history" else 0,
        p50=_share(seconds, 0.5),
        p90=_share(seconds, 0.9),
        ends_p50=_share(ends, 0.5) if ends else None,
        critical=sum(index in trial.longest for trial in made) / len(made),
    )


def _durations(events: Iterable[StoredEvent]) -> Iterable[tuple[str, float]]:
    """Give the seconds of each task that ended well: of its attempts together, or from a gate's question to its answer.

    What lay between two attempts is left out: in a resumed run that may be a night.
    """
    asked: dict[str, datetime] = {}
    worked: dict[str, float] = {}
    ended: dict[str, float] = {}
    for stored in events:
        event = stored.event
        match event:
            case GateOpened():
                asked[event.task] = stored.time
            case GateApproved() | ManualAnswered(passed=True) if event.task in asked:
                ended[event.task] = max(0.0, (stored.time - asked[event.task]).total_seconds())
            case AttemptFinished():
                worked[event.task] = worked.get(event.task, 0.0) + event.seconds
                if event.outcome.ended_well and not event.in_doubt:
                    ended[event.task] = worked[event.task]
            case TaskSkipped():
                ended[event.task] = 0.0
            case _:
                continue
    return [(step_of(task), seconds) for task, seconds in ended.items()]


def _share(values: Sequence[float], share: float) -> float:
    """Give the value that this share of the others does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
