"""Drives a run from the command line: what is seen meanwhile, signals, gates, and what is said at its end."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbook_engine.app.project import OpenProject
from runbook_engine.app.run_requests import RunResult
from runbook_engine.app.traces import Traces, otlp_export, traces_wanted
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.background import Background
from runbook_engine.cli.listeners import EventLines, Listeners
from runbook_engine.cli.progress import LineProgress
from runbook_engine.cli.quiet import QuietProgress
from runbook_engine.cli.run_end import tell_end
from runbook_engine.cli.signals import heeding_signals
from runbook_engine.cli.terminal import can_ask, is_terminal, say, wants_colour
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.execution.state import RunState
from runbook_engine.loading.collector import collector_paused
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import StoredEvent
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener

if TYPE_CHECKING:
    from runbook_engine.cli.gate_prompt import GatePrompt, Screen

_RUNS = 20  # earlier runs that the outlook goes by
Advance = Callable[[Journal, Listener, Interrupts, AskSecret | None], RunResult]
Tell = Callable[[RunResult], int]


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits at the command line, and what they want to see.

    Attributes:
        output: `text` (a summary at the end), `json` (the report at the end) or `ndjson` (each event as it comes).
        person: who speaks, as claimed.
        away: this process in the background, where nobody sits; None in the foreground.
        quiet: on stderr only what somebody has to know or to do.
    """

    output: str
    person: str | None = None
    away: Background | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """The part of a run that is over: its events, yet to be read, and the state that takes note of them then."""

    known: RunState
    events: Iterable[StoredEvent]


def drive(
    project: OpenProject,
    journal: Journal,
    seat: Seat,
    advance: Advance,
    *,
    earlier: Earlier | None = None,
    tell: Tell | None = None,
) -> int:
    """Advance a run, show it, and say how it ended; gives the exit code.

    Args:
        earlier: the part of the run that is over, when it is resumed.
        tell: says how it ended and gives the exit code; None for what every run says.
    """
    interrupts = Interrupts()
    with ExitStack() as stack:
        lines = progress_of(stack, project, seat)
        listeners: list[Listener] = [lines]
        memories: list[LineProgress | GatePrompt] = [lines]
        ask: AskSecret | None = None
        traces: Traces | None = None
        if seat.output == "ndjson":
            listeners.append(EventLines())
        if can_ask():
            prompt, screen = _prompt_of(stack, project, seat, lines)
            memories.append(prompt)
            ask = _asker(screen, interrupts)
            listeners.append(prompt)
        if traces_wanted(project):
            traces = stack.enter_context(Traces(lambda: otlp_export(project), lines.warning))
            listeners.append(traces)
        if earlier is not None:
            with collector_paused():  # nothing of what is kept of 100,000 events is garbage
                events = earlier.known.passing(earlier.events)
                if traces is not None:
                    traces.recall(events)
                else:
                    deque(events, maxlen=0)
                for memory in memories:
                    memory.recall(earlier.known)
        stack.enter_context(heeding_signals(interrupts, lines.announce, hangup=seat.away is None))
        # What a plugin prints is no result of ours: it must not stand in the middle of one.
        stack.enter_context(redirect_stdout(sys.stderr))
        listener: Listener = Listeners(listeners)
        if seat.away is not None:
            seat.away.listener, listener = listener, seat.away
        try:
            ended = advance(journal, listener, interrupts, ask)
        except JournalError:
            if lines.view.run:
                say(f"once that is settled, the run goes on with: runbook resume {lines.view.run}")
            raise
    return tell(ended) if tell is not None else tell_end(project, journal, ended, output=seat.output, quiet=seat.quiet)


def _prompt_of(
    stack: ExitStack, project: OpenProject, seat: Seat, lines: LineProgress
) -> "tuple[GatePrompt, Screen | None]":
    """Give what asks a person at this terminal, and the view that has to make room for it."""
    from runbook_engine.cli.gate_prompt import GatePrompt, Screen

    screen = lines if isinstance(lines, Screen) else None
    return stack.enter_context(GatePrompt(project, seat.person, screen)), screen


def _asker(screen: "Screen | None", interrupts: Interrupts) -> AskSecret:
    """Give what asks for a secret while nothing else writes to the terminal."""

    def ask(question: str) -> str:
        from runbook_engine.cli.secret_prompt import ask_secret

        if screen is not None:
            screen.pause()
        try:
            return ask_secret(question, lambda: interrupts.count > 0)
        finally:
            if screen is not None:
                screen.go_on()

    return ask


def _is_live(seat: Seat) -> bool:
    """Whether the terminal is ours to draw on."""
    return is_terminal(sys.stderr) and seat.away is None and not (seat.output == "ndjson" and sys.stdout.isatty())


def progress_of(stack: ExitStack, project: OpenProject, seat: Seat) -> LineProgress:
    """Give what shows the run, for as long as the stack lasts: the live view on a terminal, or else lines."""
    if seat.quiet or not _is_live(seat):
        lines = QuietProgress() if seat.quiet else LineProgress()
        stack.enter_context(lines.ticking())
        return lines
    from runbook_engine.cli.live import LiveProgress
    from runbook_engine.cli.to_go import UsualTimes

    usual = UsualTimes(lambda runbook: usual_times(project, runbook))
    return stack.enter_context(LiveProgress(colour=wants_colour(sys.stderr), usual=usual))


def usual_times(project: OpenProject, runbook: str) -> Mapping[str, float]:
    """Give the seconds that a task of each step took in half of the earlier runs; nothing when they can't be read."""
    from runbook_engine.app.history import open_history, usual

    try:
        return usual(open_history(project.journal, runbook, _RUNS, verify=False))
    except JournalError:
        return {}  # (who drives or watches the run is told of the journal's trouble by it)
