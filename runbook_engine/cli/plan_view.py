"""Prints a plan for people."""

import json
from collections.abc import Sequence

from runbook_engine.app.show_plan import PlanView, StepView
from runbook_engine.cli.forecast_text import counted, in_short
from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.terminal import table
from runbook_engine.model.earlier_run import input_in_short
from runbook_engine.model.json import JsonValue

_MOST_NAMED = 3
_MOST_INPUT = 60


def plan_text(view: PlanView, *, mode: str | None = None, columns: int = 0) -> str:
    """Lay a plan out: a line a step in the order of the waves, then the critical path and the gates."""
    name = f"{view.runbook}: {view.title}" if view.title else view.runbook
    counts = f"{len(view.steps)} steps, {view.tasks} tasks on {view.targets} targets"
    head = [name, f"inventory {view.inventory}, {counts}" + (f", mode {mode}" if mode else "")]
    if view.inputs:
        head.append("inputs: " + ", ".join(f"{key}={_value(value)}" for key, value in view.inputs.items()))
    rows = [_row(step) for step in sorted(view.steps, key=lambda step: step.wave)]
    laid_out = table(("wave", "step", "action", "where", "after", ""), rows, columns=columns)
    tail = [f"critical path: {' → '.join(view.critical_path)} (at most {view.longest} by timeouts)"]
    if view.forecast is not None:
        unknown = f"; nothing is known of {', '.join(view.forecast.unknown)}" if view.forecast.unknown else ""
        tail.append(f"forecast: {in_short(view.forecast)}, by {counted(view.forecast.runs, 'earlier run')}{unknown}")
    asks = [f"{step.id} asks {' or '.join(step.asks)}" for step in view.steps if step.asks]
    if asks:
        tail.append(f"gates: {'; '.join(asks)}")
    for one in view.taken_back:
        stays = f"; what {', '.join(one.stay)} changed stays" if one.stay else ""
        tail.append(f"if {one.step} fails, what changed is undone: {', '.join(one.undone) or 'nothing'}{stays}")
    tail += [
        f"{one.audience} told from {one.begins} until {one.until}, at least every {one.every}: "
        + ", ".join(dict.fromkeys((*one.first, *one.update, *one.resolved)))
        for one in view.communications
    ]
    tail.append(f"fingerprint {view.fingerprint[:16]}")
    return "\n".join([*map(plain, head), "", laid_out, "", *map(plain, tail)])


def _row(step: StepView) -> tuple[str, ...]:
    notes = ["critical" if step.critical else "", "always" if step.always else "", "when" if step.conditional else ""]
    if len(step.batches) > 1:
        notes.append(f"batches {'+'.join(str(size) for size in step.batches)}")
    where = _where(step.targets, step.tasks)
    return (str(step.wave), step.id, step.action, where, _first(step.needs), ", ".join(filter(None, notes)))


def _where(targets: Sequence[str], tasks: int) -> str:
    if not targets:
        return "nowhere"
    shown = _first(targets)
    return shown if tasks == len(targets) else f"{shown} ({tasks} tasks)"


def _first(names: Sequence[str]) -> str:
    """Name the first, and count the others; `--output json` has all."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _value(value: JsonValue) -> str:
    short = input_in_short(value)
    text = short if isinstance(short, str) else json.dumps(short)
    return plain(text, limit=_MOST_INPUT)
