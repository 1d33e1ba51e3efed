"""The live view of a run on a terminal: lines that scroll by, and below them what runs, what waits, and the clock."""

import sys
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.progress import FOLD_ABOVE, LineProgress
from runbook_engine.model.event import StoredEvent
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptProgress

_MOST_LINES = 8
_STYLES = {
    "changed": "yellow",
    "unchanged": "green",
    "would-change": "yellow",
    "failed": "bold red",
    "unreachable": "bold red",
    "blocked": "red",
    "in doubt": "bold magenta",
    "waits": "bold cyan",
    "approved": "green",
    "declined": "bold red",
    "expired": "bold red",
    "warning": "magenta",
    "skipped": "dim",
    "unproven": "magenta",
}


class LiveProgress(LineProgress):
    """Shows the lines of `LineProgress` and a footer that is kept up to date."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__(sys.stderr)
        self._lock = threading.RLock()
        self._console = Console(stderr=True, no_color=not colour, highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._footer,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def recall(self, events: Iterable[StoredEvent]) -> None:
        """Take note of what happened before."""
        with self._lock:
            super().recall(events)

    def event(self, stored: StoredEvent) -> None:
        """Tell an event."""
        with self._lock:
            super().event(stored)

    def progress(self, progress: AttemptProgress) -> None:
        """Show what an attempt says of itself."""
        with self._lock:
            super().progress(progress)

    def pause(self) -> None:
        """Take the footer away while a person is asked."""
        self._live.stop()

    def go_on(self) -> None:
        """Show the footer again."""
        self._live.start()

    def put(self, line: str, word: str) -> None:
        """Print a line above the footer."""
        if self._gone:
            return
        try:
            self._console.print(Text(line, style=_STYLES.get(word, "")), soft_wrap=True)
        except (OSError, ValueError):
            self._gone = True

    def _footer(self) -> RenderableType:
        with self._lock:
            lines, width = self._lines(datetime.now(UTC)), self._console.width
            return Group(*(Text(plain(line, limit=width), style=style) for line, style in lines))

    def _lines(self, now: datetime) -> list[tuple[str, str]]:
        view = self.view
        lines = [(_counts(view.counts, sum(step.tasks for step in view.steps.values())) + self._clock(now), "bold")]
        shown = [self._running_line(task, since, now) for task, since in view.running.items()]
        if len(shown) > FOLD_ABOVE:
            steps = Counter(step_of(task) for task in view.running)
            shown = [f"  {step}: {count} running" for step, count in steps.most_common()]
        lines += [(line, "") for line in shown[:_MOST_LINES]]
        if len(shown) > _MOST_LINES:
            lines.append((f"  … and {len(shown) - _MOST_LINES} more", "dim"))
        for task, gate in view.gates.items():
            who = " or ".join(gate.roles) or "anybody"
            lines.append((f"  {task} waits for {who} ({len(view.approvals[task])} of {gate.quorum})", "cyan"))
        lines += [(f"  {task} is in doubt and waits for a person", "magenta") for task in view.doubts]
        return lines

    def _running_line(self, task: str, since: datetime, now: datetime) -> str:
        said = self.view.said.get(task, "")
        return f"  {task}  {_clock_text((now - since).total_seconds())}  {said}"

    def _clock(self, now: datetime) -> str:
        if self.view.started_at is None or self.view.opened is None:
            return ""
        passed = (now - self.view.started_at).total_seconds()
        rto = self.view.opened.objectives.rto
        if rto is None:
            return f"  ·  {_clock_text(passed)}"
        left = rto.total_seconds() - passed
        word = "left" if left >= 0 else "over"
        return f"  ·  {_clock_text(passed)} of RTO {_clock_text(rto.total_seconds())} ({_clock_text(abs(left))} {word})"


def _counts(counts: Counter[Outcome], tasks: int) -> str:
    parts = [f"{count} {outcome.value}" for outcome, count in counts.items()]
    return f"{counts.total()} of {tasks} tasks" + (f": {', '.join(parts)}" if parts else "")


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
