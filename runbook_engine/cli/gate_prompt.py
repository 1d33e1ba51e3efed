"""Asks the person at this terminal when a gate opens or a task is held; meanwhile others may answer, too."""

import queue
import select
import sys
import threading
from collections.abc import Callable
from typing import Protocol, Self, runtime_checkable

from runbook_engine.app.project import OpenProject
from runbook_engine.cli.plain_text import plain
from runbook_engine.cli.questions import Asked, question_of
from runbook_engine.cli.run_view import RunView
from runbook_engine.execution.state import RunState
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import GateOpened, HoldOpened, LeaseTaken, StoredEvent
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
    """A listener that asks at gates and about held tasks, and answers through the journal as any other process would.

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
        self._questions: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gate-prompt", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._questions.put(None)
        self._thread.join(timeout=2 * _LOOK_SECONDS + 1)

    def recall(self, known: RunState) -> None:
        """Take note of an earlier part of the run; what it left open is asked about when it goes on."""
        self._run = known.run
        self._view.recall(known)

    def event(self, stored: StoredEvent) -> None:
        """Ask when a gate opens or a task is held, and when a run with open gates and holds goes on."""
        self._run = stored.run
        self._view.take(stored)
        if isinstance(stored.event, LeaseTaken):
            for gate in list(self._view.gates.values()):
                self._questions.put(gate)
            for hold in list(self._view.holds.values()):
                self._questions.put(hold)
        if isinstance(stored.event, GateOpened | HoldOpened) and self._is_open(stored.event):
            self._questions.put(stored.event)

    def warning(self, text: str) -> None:
        """Leave warnings to the screen."""

    def progress(self, progress: AttemptProgress) -> None:
        """Leave progress to the screen."""

    def _work(self) -> None:
        while (asked := self._questions.get()) is not None:
            if self._is_open(asked) and not self._ended.is_set():
                self._ask(asked)

    def _is_open(self, asked: Asked) -> bool:
        if isinstance(asked, GateOpened):
            return asked.opens_at is None and asked.task in self._view.gates
        return asked.task in self._view.holds

    def _ask(self, asked: Asked) -> None:
        question = question_of(asked, self._run, self._project, self._person)
        if isinstance(question, str):
            _tell(question)
            return
        if self._screen is not None:
            self._screen.pause()
        try:
            _tell(question.text, end="")
            line = self._read_line(lambda: self._ended.is_set() or not self._is_open(asked))
        finally:
            if self._screen is not None and not self._ended.is_set():
                self._screen.go_on()
        if line is None:
            return
        chosen = question.choose(line)
        if chosen is None:
            _tell(f"please answer {question.letters}")
            self._questions.put(asked)
            return
        act, words = chosen
        journal = self._project.journal()
        try:
            act(journal, words)
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
