"""The live view of a run on a terminal: lines that scroll by, and below them what runs, what waits, and the clock."""

import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Self

from rich.console import Console
from rich.text import Text

from runbook_engine.cli.footer import Footer
from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.progress import LineProgress
from runbook_engine.cli.run_view import FOLD_ABOVE, RunView
from runbook_engine.cli.step_line import clock_text, step_line, summary_of
from runbook_engine.cli.to_go import UsualTimes, to_go
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome

_MOST_LINES = 8
_MOST_NEXT = 3
_STYLES = {
    "changed": "yellow",
    "unchanged": "green",
    "would-change": "yellow",
    "failed": "bold red",
    "unreachable": "bold red",
    "blocked": "red",
    "in doubt": "bold magenta",
    "waits": "bold cyan",
    "held": "bold magenta",
    "paused": "bold cyan",
    "aborted": "bold red",
    "approved": "green",
    "declined": "bold red",
    "expired": "bold red",
    "warning": "magenta",
    "skipped": "dim",
    "unproven": "magenta",
}


class LiveProgress(LineProgress):
    """Shows the lines of `LineProgress` and a footer that is kept up to date."""

    def __init__(self, *, colour: bool, usual: UsualTimes | None = None) -> None:
        super().__init__(sys.stderr)
        self._usual = usual
        self._console = Console(file=sys.stderr, no_color=not colour, highlight=False, markup=False, emoji=False)
        self._foot = Footer(self._console, self._footer)

    def __enter__(self) -> Self:
        self._foot.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._foot.stop()

    def pause(self) -> None:
        """Take the footer away while a person is asked."""
        self._foot.stop()

    def go_on(self) -> None:
        """Show the footer again."""
        self._foot.start()

    def announce(self, text: str) -> None:
        """See `LineProgress.announce`."""
        if not self._foot.soon(text):
            super().announce(text)

    def put(self, line: str, word: str) -> None:
        """Print a line above the footer."""
        self._foot.paint(Text(line, style=_STYLES.get(word, "")))

    def _footer(self) -> list[Text]:
        with self._lock:
            return [Text(plain(line), style=style) for line, style in self._lines(datetime.now(UTC))]

    def _lines(self, now: datetime) -> list[tuple[str, str]]:
        view = self.view
        lines = [(_counts(view.counts, sum(step.tasks for step in view.steps.values())) + self._clock(now), "bold")]
        if view.order:
            lines.append((f"  the run {view.order}", "bold cyan"))
        lines += _at_most([(line, "") for line in self._running_lines(now)])
        gates = []
        for task, gate in view.gates.items():
            if gate.opens_at is not None:
                gates.append((f"  {task} waits until {gate.opens_at.astimezone():%Y-%m-%d %H:%M}", "cyan"))
                continue
            who = " or ".join(gate.roles) or "anybody"
            gates.append((f"  {task} waits for {who} ({len(view.approvals[task])} of {gate.quorum})", "cyan"))
        if coming := _next(view):
            lines.append((f"  next: {coming}", "dim"))
        lines += _at_most(gates)
        lines += _at_most([(f"  {task} failed and waits for a decision", "magenta") for task in view.holds])
        return lines + _at_most([(f"  {task} is in doubt and waits for a person", "magenta") for task in view.doubts])

    def _running_lines(self, now: datetime) -> list[str]:
        """Tell tasks one by one, but steps with many tasks, and all steps where much runs, by their counts."""
        view = self.view
        shown: dict[str, str] = {}
        for task, since in view.running.items():
            step = step_of(task)
            if not view.step(task).many and len(view.running) <= FOLD_ABOVE:
                shown[task] = self._running_line(task, since, now)
            elif step not in shown:
                shown[step] = f"  {step}  {step_line(view, step, now)}"
        return list(shown.values())

    def _running_line(self, task: str, since: datetime, now: datetime) -> str:
        said = self.view.said.get(task, "")
        return f"  {task}  {clock_text((now - since).total_seconds())}  {said}"

    def _clock(self, now: datetime) -> str:
        if self.view.started_at is None or self.view.opened is None:
            return ""
        passed = (now - self.view.started_at).total_seconds()
        rto = self.view.opened.objectives.rto
        if rto is None:
            return f"  ·  {clock_text(passed)}"
        left = rto.total_seconds() - passed
        word = "left" if left >= 0 else "over"
        head = f"  ·  {clock_text(passed)} of RTO {clock_text(rto.total_seconds())} ({clock_text(abs(left))} {word}"
        return f"{head}{self._outlook(now, left)})"

    def _outlook(self, now: datetime, left: float) -> str:
        """Say whether the objective will be met, if each step takes what it took in earlier runs."""
        if self._usual is None or self.view.opened is None or left < 0:
            return ""
        ahead = to_go(self.view, self._usual.of(self.view.opened.runbook), now)
        if ahead is None:
            return ""
        about, spare = "about" if ahead.whole else "at least", left - ahead.seconds
        if spare < 0:
            return f"; {about} {clock_text(ahead.seconds)} to go, WILL MISS IT by {clock_text(-spare)}"
        return f"; {about} {clock_text(ahead.seconds)} to go"


def _next(view: RunView) -> str:
    """Name the steps that wait only for what runs, or is asked of people, now."""
    begun = {step_of(task) for task in (*view.running, *view.gates, *view.holds)}
    ready = {step.id for step in view.plan if step.id in begun or view.steps[step.id].over}
    coming = [
        step.id
        for step in view.plan
        if step.needs and step.id not in ready and all(need.removesuffix("@target") in ready for need in step.needs)
    ]
    more = len(coming) - _MOST_NEXT
    return ", ".join(coming[:_MOST_NEXT]) + (f" and {more} more" if more > 0 else "")


def _at_most(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keep the footer small enough for a small screen."""
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], (f"  … and {more} more", "dim")] if more > 0 else lines


def _counts(counts: Counter[Outcome], tasks: int) -> str:
    ended = summary_of(counts)
    return f"{counts.total()} of {tasks} tasks" + (f": {ended}" if ended else "")
