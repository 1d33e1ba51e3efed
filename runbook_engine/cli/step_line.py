"""One line that says how far a step on many targets is."""

from collections import Counter
from datetime import datetime

from runbook_engine.cli.run_view import RunView
from runbook_engine.model.outcome import Outcome

_MOST_NAMED = 3
_LONG_SECONDS = 5.0  # what runs shorter than this is not worth a name
_WORST_FIRST = (Outcome.FAILED, Outcome.UNREACHABLE, Outcome.BLOCKED, Outcome.UNPROVEN)


def summary_of(outcomes: Counter[Outcome]) -> str:
    """Count how tasks ended, the worst first: `20 failed, 980 changed`."""
    others = [outcome for outcome in outcomes if outcome not in _WORST_FIRST]
    return ", ".join(f"{outcomes[one]} {one.value}" for one in (*_WORST_FIRST, *others) if outcomes[one])


def step_line(view: RunView, step: str, now: datetime) -> str:
    """Say how far a step is: `412 of 1000: 12 failed, 400 changed; 50 running, longest web7 4:10, web9 0:31`."""
    progress, running = view.step(step), view.running_of(step)
    line = f"{progress.outcomes.total()} of {progress.tasks}"
    if counts := summary_of(progress.outcomes):
        line += f": {counts}"
    if running:
        line += f"; {len(running)} running"
    seconds = [(task, (now - since).total_seconds()) for task, since in running[:_MOST_NAMED]]
    longest = [f"{_place(task)} {clock_text(took)}" for task, took in seconds if took >= _LONG_SECONDS]
    return line + (f", longest {', '.join(longest)}" if longest else "")


def clock_text(seconds: float) -> str:
    """Write a duration as a clock shows it: `4:10`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _place(task: str) -> str:
    """Name a task within its step: its target, and in a loop the item's index."""
    item = "".join(task.partition("@")[0].partition("[")[1:])
    return task.partition("@")[2] + item
