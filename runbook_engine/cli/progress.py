"""Tells on stderr what a run does, line by line; steps on many targets are folded."""

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TextIO

from runbook_engine.cli.message_lines import message_line
from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.recheck_lines import looked_again
from runbook_engine.cli.run_view import RunView, StepProgress
from runbook_engine.cli.step_line import clock_text, step_line, summary_of
from runbook_engine.execution.state import RunState
from runbook_engine.model.event import (
    AnswerRefused,
    AttemptFinished,
    AttemptStarted,
    Event,
    GateApproved,
    GateDeclined,
    GateExpired,
    GateOpened,
    HoldOpened,
    HoldResolved,
    LeaseLost,
    LeaseTaken,
    ManualAnswered,
    NoteAdded,
    PlanAccepted,
    RecoveryPointUsed,
    RevertDue,
    RunAbortRequested,
    RunClosed,
    RunContinued,
    RunOpened,
    RunPaused,
    StoredEvent,
    TaskBlocked,
    TaskResolved,
    TaskSkipped,
)
from runbook_engine.model.local_time import local_deadline
from runbook_engine.model.names import step_of
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptProgress

_LONGEST = 300
_LONGEST_OF_MANY = 160
_MOST_TOLD = 10  # tasks of one step that did not end well and get a line of their own, where it has many tasks
_TICK_SECONDS = 30.0
_WORTH_A_LINE = frozenset({Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNPROVEN})


class LineProgress:
    """Writes a line for each thing that happened (`ports.listener.Listener`).

    Steps on more than 20 tasks get a line for each of the first failures, one when the step is over, and while it lasts
    one now and then (`tick`). A screen that has gone away (a closed terminal) never disturbs the run.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.view = RunView()
        self._stream = stream or sys.stderr
        self._gone = False
        self._lock = threading.RLock()
        # Lines are made under the lock and put out behind it: what draws the footer holds the screen's lock when it
        # asks for ours, so that who wrote while holding ours would wait for it for ever.
        self._due: deque[tuple[str, str]] = deque()

    def recall(self, known: RunState) -> None:
        """Take note of what happened before, without telling it again."""
        with self._lock:
            self.view.recall(known)

    def event(self, stored: StoredEvent) -> None:
        """Tell an event."""
        with self._lock:
            counted = self.view.take(stored)
            line = self._line(counted)
            if isinstance(counted.event, NoteAdded) and counted is not stored:
                line = ("not counted", "", counted.event.text)
            if line is not None:
                self._tell(stored.time, *line)
        self._put_due()

    def warning(self, text: str) -> None:
        """Tell a warning."""
        self._tell(datetime.now().astimezone(), "warning", "", text)
        self._put_due()

    def announce(self, text: str) -> None:
        """Tell something from a signal's handler, which may come in the middle of a print: no lock may be taken."""
        with suppress(OSError):
            os.write(self._stream.fileno(), f"\n{text}\n".encode())

    def progress(self, progress: AttemptProgress) -> None:
        """Remember what an attempt says of itself; lines would be too many."""
        with self._lock:
            self.view.said[progress.task] = progress.text

    def tick(self, now: datetime) -> None:
        """Tell how far the steps with many tasks are that run now, and what long tasks of others say of themselves."""
        with self._lock:
            for step in dict.fromkeys(step_of(task) for task in self.view.running):
                if self.view.step(step).many:
                    self._tell(now, "running", step, step_line(self.view, step, now))
                    continue
                for task, since in self.view.running_of(step):
                    if said := self.view.said.get(task):
                        self._tell(now, "running", task, f"{said} ({clock_text((now - since).total_seconds())})")
        self._put_due()

    @contextmanager
    def ticking(self, seconds: float = _TICK_SECONDS) -> Iterator[None]:
        """Tick so often while the context lasts: a log that stands still looks like a run that hangs."""
        over = threading.Event()

        def ticks() -> None:
            while not over.wait(seconds):
                self.tick(datetime.now(UTC))

        thread = threading.Thread(target=ticks, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _tell(self, time: datetime, word: str, what: str, text: str, *, limit: int = _LONGEST) -> None:
        """Make one line; `_put_due` writes it."""
        parts = [f"{time.astimezone():%H:%M:%S}", word.ljust(12), what, text]
        self._due.append(("  ".join(plain(part, limit=limit) for part in parts if part), word))

    def _put_due(self) -> None:
        """Write the lines that were made; must not be called while our lock is held."""
        while self._due:
            try:
                line, word = self._due.popleft()
            except IndexError:  # another thread took the last one
                return
            self.put(line, word)

    def put(self, line: str, word: str) -> None:
        """Put a finished line on the stream; `word` says of which sort it is."""
        del word
        if self._gone:
            return
        try:
            print(line, file=self._stream, flush=True)
        except (OSError, ValueError):
            # The terminal was closed or the pipe's reader left. The journal has everything; the run goes on.
            self._gone = True

    def _line(self, stored: StoredEvent) -> tuple[str, str, str] | None:
        event = stored.event
        match event:
            case AttemptFinished() | TaskSkipped() | TaskBlocked():
                return self._ended(event, stored)
            case AttemptStarted(task=task, number=number) if number > 1:
                return None if self.view.step(task).many else ("again", task, f"attempt {number}")
            case _:
                return _happening(event, stored) or _ordered(event, stored)

    def _ended(
        self, event: AttemptFinished | TaskSkipped | TaskBlocked, stored: StoredEvent
    ) -> tuple[str, str, str] | None:
        word, text = _how_it_ended(event)
        step = self.view.step(event.task)
        if not step.many:
            return (word, event.task, text)
        if isinstance(event, AttemptFinished) and event.outcome in _WORTH_A_LINE:
            self._tell_one_of_many(step, stored.time, word, event.task, text)
        return ("step over", step_of(event.task), self._over(step, stored.run)) if step.over else None

    def _tell_one_of_many(self, step: StepProgress, time: datetime, word: str, task: str, text: str) -> None:
        """Name the first tasks that did not end well; the others are counted until the end names them all."""
        if task in step.told or len(step.told) < _MOST_TOLD:
            step.told.add(task)
            self._tell(time, word, task, text, limit=_LONGEST_OF_MANY)
            if len(step.told) == _MOST_TOLD:
                self._tell(time, "", step_of(task), "what else does not end well is only counted from here on")

    def _over(self, step: StepProgress, run: str) -> str:
        """Count how a step's tasks ended, and how many were not named of those that did not end well."""
        bad = sum(count for outcome, count in step.outcomes.items() if outcome in _WORTH_A_LINE)
        more = bad - sum(self.view.outcome(task) in _WORTH_A_LINE for task in step.told)
        unnamed = f"; {more} of them not named above: runbook status {run}" if more > 0 else ""
        return summary_of(step.outcomes) + unnamed


def _how_it_ended(event: AttemptFinished | TaskSkipped | TaskBlocked) -> tuple[str, str]:
    match event:
        case TaskSkipped(reason=reason):
            return "skipped", reason
        case TaskBlocked(because=because):
            return "blocked", f"because {because}"
        case AttemptFinished():
            text = event.error or (event.finding.summary if event.finding else "")
            word = "in doubt" if event.in_doubt else "taken back" if event.was_none else event.outcome.value
            return word, f"{text} ({event.seconds:.1f} s)" if event.seconds >= 0.05 else text  # noqa: PLR2004 - shown digits


def _happening(event: Event, stored: StoredEvent) -> tuple[str, str, str] | None:
    """Put in words what happened to the run as a whole, or to a task between its attempts."""
    match event:
        case RunOpened():
            line = ("run", stored.run, f"{event.mode.value}, {event.tasks} tasks")
        case LeaseTaken(took_over=True):
            line = ("taken over", "", "this process advances the run now")
        case PlanAccepted():
            line = ("new plan", "", "; ".join(event.difference))
        case RevertDue():
            line = ("take back", event.task, f"{event.step} failed: what this run changed is taken back")
        case LeaseLost():
            line = ("stopped", "", event.reason)
        case RunClosed():
            line = ("run", stored.run, event.status)
        case RecoveryPointUsed():
            line = ("data of", event.task, f"recovery point {event.point.isoformat(timespec='seconds')}")
        case TaskResolved():
            line = ("resolved", event.task, f"{event.truth}: {event.reason}" if event.reason else event.truth)
        case _:
            return _at_gate(event, stored.time)
    return line


def _at_gate(event: Event, now: datetime) -> tuple[str, str, str] | None:
    match event:
        case GateOpened():
            who = " or ".join(event.roles) or "anybody"
            if event.opens_at is not None:
                return ("waits", event.task, f"until {event.opens_at.astimezone():%Y-%m-%d %H:%M}")
            if event.by_hand:
                return ("waits", event.task, f"for {who}, to do by hand: {event.message}")
            until = f" until {local_deadline(event.expires_at, now)}" if event.expires_at else ""
            return ("waits", event.task, f"for {event.quorum} of {who}{until}: {event.message}")
        case GateApproved():
            return ("approved", event.task, _said_by(event.person, event.role, event.reason))
        case GateDeclined():
            return ("declined", event.task, _said_by(event.person, event.role, event.reason))
        case _:
            return _more_at_gate(event)


def _more_at_gate(event: Event) -> tuple[str, str, str] | None:
    match event:
        case ManualAnswered(passed=passed):
            text = _said_by(event.person, event.role, event.note)
            return ("answered", event.task, f"{'passed' if passed else 'failed'} {text}")
        case GateExpired():
            return ("expired", event.task, "nobody answered in time")
        case AnswerRefused():
            return ("refused", event.task, f"the answer of {event.person}: {event.reason}")
        case _:
            return None


def _ordered(event: Event, stored: StoredEvent) -> tuple[str, str, str] | None:
    """Put in words what is held, and what the operator wants."""
    who = stored.actor.name
    match event:
        case HoldOpened():
            return ("held", event.task, f"waits for a decision: runbook retry|skip|ignore {stored.run} {event.task}")
        case HoldResolved():
            return ("decided", event.task, _because(f"{event.decision}, by {who}", event.reason))
        case RunPaused():
            return ("paused", "", _because(f"by {who}; to go on: runbook continue {stored.run}", event.reason))
        case RunContinued():
            return ("continued", "", _because(f"by {who}", event.reason))
        case RunAbortRequested():
            return ("aborted", "", _because(f"by {who}", event.reason))
        case _:
            return message_line(event, who) or looked_again(event)


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


def _said_by(person: str, role: str, reason: str) -> str:
    return f"by {person} ({role}): {reason}" if reason else f"by {person} ({role})"
