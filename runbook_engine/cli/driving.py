"""Drives a run from the command line: what is seen meanwhile, signals, gates, and what is said at its end."""

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass

from runbook_engine.app.again import failed_again
from runbook_engine.app.project import OpenProject
from runbook_engine.app.report import make_report, make_summary, report_text
from runbook_engine.app.run_runbook import RunResult
from runbook_engine.app.status import RunStatus, run_status
from runbook_engine.app.unlock import AskSecret
from runbook_engine.cli.gate_prompt import GatePrompt, Screen
from runbook_engine.cli.listeners import EventLines, Listeners
from runbook_engine.cli.progress import LineProgress
from runbook_engine.cli.signals import heeding_signals
from runbook_engine.cli.terminal import can_ask, is_terminal, result, result_json, say, wants_colour, width_of
from runbook_engine.execution.loop_tools import Interrupts
from runbook_engine.model.errors import ExitCode, JournalError, LeaseError
from runbook_engine.model.event import StoredEvent
from runbook_engine.ports.journal import Journal
from runbook_engine.ports.listener import Listener
from runbook_engine.reporting.inert import one_line

Advance = Callable[[Listener, Interrupts, AskSecret | None], RunResult]

_EXIT = {
    "succeeded": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "aborted": ExitCode.FAILED,
    "waiting": ExitCode.WAITING,
    "interrupted": ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits at the command line, and what they want to see.

    Attributes:
        output: `text` (a summary at the end), `json` (the report at the end) or `ndjson` (each event as it comes).
        person: who speaks, as claimed.
    """

    output: str
    person: str | None = None


def drive(
    project: OpenProject, journal: Journal, seat: Seat, advance: Advance, *, earlier: Iterable[StoredEvent] = ()
) -> int:
    """Advance a run, show it, and say how it ended; gives the exit code.

    Args:
        earlier: events of the part of the run that is over, when it is resumed.
    """
    interrupts = Interrupts()
    with ExitStack() as stack:
        lines = _progress(stack, seat)
        listeners: list[Listener] = [lines]
        memories: list[LineProgress | GatePrompt] = [lines]
        ask: AskSecret | None = None
        if seat.output == "ndjson":
            listeners.append(EventLines())
        if can_ask():
            screen = lines if isinstance(lines, Screen) else None
            prompt = stack.enter_context(GatePrompt(project, seat.person, screen))
            memories.append(prompt)
            ask = _asker(screen, interrupts)
            listeners.append(prompt)
        for stored in earlier:
            for memory in memories:
                memory.recall((stored,))
        stack.enter_context(heeding_signals(interrupts))
        # What a plugin prints is no result of ours: it must not stand in the middle of one.
        stack.enter_context(redirect_stdout(sys.stderr))
        try:
            ended = advance(Listeners(listeners), interrupts, ask)
        except (JournalError, LeaseError):
            if lines.view.run:
                say(f"once that is settled, the run goes on with: runbook resume {lines.view.run}")
            raise
    _tell_end(project, journal, seat, ended)
    return _EXIT[ended.end]


def _asker(screen: Screen | None, interrupts: Interrupts) -> AskSecret:
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
    return is_terminal(sys.stderr) and not (seat.output == "ndjson" and sys.stdout.isatty())


def _progress(stack: ExitStack, seat: Seat) -> LineProgress:
    if not _is_live(seat):
        lines = LineProgress()
        stack.enter_context(lines.ticking())
        return lines
    from runbook_engine.cli.live import LiveProgress

    return stack.enter_context(LiveProgress(colour=wants_colour(sys.stderr)))


def _tell_end(project: OpenProject, journal: Journal, seat: Seat, ended: RunResult) -> None:
    report = (make_report if seat.output == "json" else make_summary)(journal, ended.run)
    if seat.output == "json":
        result_json(report.model_dump(mode="json"))
    elif seat.output == "text":
        result(report_text(report, width=width_of(sys.stdout)))
    if ended.end == "waiting":
        head = journal.head(ended.run)
        if head is not None:
            say("\n".join(_what_is_awaited(run_status(journal, head))))
    elif ended.end == "interrupted":
        say(f"to go on: runbook resume {ended.run}")
    elif ended.end == "failed":
        say(f"to go on when the cause is mended: runbook resume {ended.run}")
    over = ended.end in {"succeeded", "failed", "aborted"}
    if over and (again := failed_again(project, journal, ended.run, report.troubles)):
        say(f"anew, on the hosts that failed: {again}")
    say(f"journal: {_shown_address(project.config.journal)}")
    say(f"report: runbook report {ended.run} --format html -o report.html")


def _what_is_awaited(status: RunStatus) -> list[str]:
    """Give the commands that answer what the run waits for, and the one that goes on."""
    lines: list[str] = []
    for gate in status.gates:
        if gate.expired:
            lines.append(f"{gate.task} expired: nobody answered; going on asks anew")
            continue
        step = gate.task.partition("@")[0]
        who = " or ".join(gate.roles) or "anybody"
        if gate.by_hand:
            lines.append(f"{step} is to be done by hand, by {who}: {one_line(gate.message.strip())}")
            lines.append(f"  runbook answer {status.id} {step} pass|fail --as PERSON --note TEXT")
            continue
        lines.append(f"{step} waits for {gate.quorum} of {who}: {one_line(gate.message.strip())}")
        sign = " --sign" if gate.signed else ""
        lines.append(f"  runbook approve {status.id} {step}{sign} --as PERSON --reason TEXT")
        lines.append(f"  runbook decline {status.id} {step}{sign} --as PERSON --reason TEXT")
    for trouble in status.troubles:
        if trouble.state == "in doubt":
            why = one_line(trouble.reason.strip())
            lines.append(f"{trouble.task} is in doubt: {why}; look at the target, then say which it is")
            lines.append(f"  runbook resolve {status.id} {trouble.task} done --reason TEXT")
            lines.append(f"  runbook resolve {status.id} {trouble.task} retry --reason TEXT")
    for one in status.held:
        lines.append(f"{one.task} failed and is held: {one_line(one.reason.strip())}")
        lines.append(f"  runbook retry|skip|ignore {status.id} {one.task} --reason TEXT")
    if status.paused is not None:
        lines.append(f"the run is paused\n  runbook continue {status.id}")
    return [*lines, f"then: runbook resume {status.id}"]


def _shown_address(url: str) -> str:
    """Show the journal's address without a password."""
    scheme, separator, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{account.partition(':')[0]}{at}{place}"
