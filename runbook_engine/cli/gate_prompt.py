"""Asks the person at this terminal when a gate opens, while the run goes on and others may answer, too."""

import queue
import select
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Protocol, Self, runtime_checkable

from runbook_engine.app.answer import answer_gate
from runbook_engine.app.project import OpenProject, actor
from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.run_view import RunView
from runbook_engine.execution.gates import role_for
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import GateOpened, LeaseTaken, StoredEvent
from runbook_engine.ports.dispatcher import AttemptProgress

_LOOK_SECONDS = 0.2


@runtime_checkable
class Screen(Protocol):
    """What shares the terminal with the question."""

    def pause(self) -> None:
        """Leave the terminal alone."""
        ...

    def go_on(self) -> None:
        """Use it again."""
        ...


class GatePrompt:
    """A listener that asks at gates, and answers through the journal as any other process would.

    Args:
        person: who sits here, as claimed.
        screen: what else writes to the terminal, None when nothing has to make room.
        read_line: gives what was typed, None when `closed` came first; for tests.
    """

    def __init__(
        self,
        project: OpenProject,
        person: str | None,
        screen: Screen | None,
        *,
        read_line: Callable[[Callable[[], bool]], str | None] | None = None,
    ) -> None:
        self._project = project
        self._person = person
        self._screen = screen
        self._read_line = read_line or _read_line
        self._view = RunView()
        self._run = ""
        self._questions: queue.SimpleQueue[GateOpened | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gate-prompt", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._questions.put(None)
        self._thread.join(timeout=2 * _LOOK_SECONDS + 1)

    def recall(self, events: Iterable[StoredEvent]) -> None:
        """Take note of an earlier part of the run; gates that it left open are asked about when it goes on."""
        for stored in events:
            self._run = stored.run
            self._view.take(stored)

    def event(self, stored: StoredEvent) -> None:
        """Ask when a gate opens, and when a run with open gates goes on."""
        self._run = stored.run
        self._view.take(stored)
        if isinstance(stored.event, LeaseTaken):
            for gate in list(self._view.gates.values()):
                self._questions.put(gate)
        if isinstance(stored.event, GateOpened):
            self._questions.put(stored.event)

    def warning(self, text: str) -> None:
        """Leave warnings to the screen."""

    def progress(self, progress: AttemptProgress) -> None:
        """Leave progress to the screen."""

    def _work(self) -> None:
        while (gate := self._questions.get()) is not None:
            if gate.task in self._view.gates and not self._ended.is_set():
                self._ask(gate)

    def _ask(self, gate: GateOpened) -> None:
        step = gate.task.partition("@")[0]
        speaker = actor(self._project.team, self._person)
        if role_for(gate, speaker.name, self._project.team) is None:
            _tell(
                f"{step} waits for {' or '.join(gate.roles) or 'a person'}; {speaker.name} can't answer it."
                f" From another terminal: runbook approve {self._run} {step} --as PERSON --reason TEXT"
            )
            return
        if self._screen is not None:
            self._screen.pause()
        try:
            _tell(f"{step}: {gate.message or 'approve?'}  [y = approve, n = decline, as {speaker.name}] ", end="")
            answer = self._read_line(lambda: self._ended.is_set() or gate.task not in self._view.gates)
        finally:
            if self._screen is not None and not self._ended.is_set():
                self._screen.go_on()
        if answer is None:
            return
        word = answer.strip().lower()
        if word not in {"y", "yes", "n", "no"}:
            _tell("please answer y or n")
            self._questions.put(gate)
            return
        self._answer(step, approve=word[0] == "y")

    def _answer(self, step: str, *, approve: bool) -> None:
        journal = self._project.journal()
        try:
            answer_gate(
                self._project, journal, self._run, step, approve=approve, reason="at the terminal", person=self._person
            )
        except RunbookError as error:
            _tell(f"{error.message}. {error.hint}")
        finally:
            journal.close()


def _tell(text: str, *, end: str = "\n") -> None:
    print(plain(text), end=end, file=sys.stderr, flush=True)


def _read_line(closed: Callable[[], bool]) -> str | None:
    """Read a line from the keyboard; None when the question was settled elsewhere, or the keyboard is gone."""
    while not closed():
        ready, _, _ = select.select([sys.stdin], [], [], _LOOK_SECONDS)
        if ready:
            return sys.stdin.readline() or None
    print(file=sys.stderr)
    return None
