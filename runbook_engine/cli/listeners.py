"""Listeners that pass events on: to several others, or as JSON lines to standard output."""

import json
import sys
from collections.abc import Sequence

from runbook_engine.model.event import StoredEvent
from runbook_engine.ports.dispatcher import AttemptProgress
from runbook_engine.ports.listener import Listener


class Listeners:
    """Tells several listeners, in order."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)

    def event(self, stored: StoredEvent) -> None:
        """Pass an event on."""
        for listener in self._listeners:
            listener.event(stored)

    def warning(self, text: str) -> None:
        """Pass a warning on."""
        for listener in self._listeners:
            listener.warning(text)

    def progress(self, progress: AttemptProgress) -> None:
        """Pass progress on."""
        for listener in self._listeners:
            listener.progress(progress)


class EventLines:
    """Writes each stored event as one line of JSON to standard output as it comes."""

    def __init__(self) -> None:
        self._gone = False
        # The one of now: while the run is on, what a plugin prints is led elsewhere.
        self._stream = sys.stdout

    def event(self, stored: StoredEvent) -> None:
        """Write an event; once the reader has gone nothing is written any more, and the run goes on."""
        if self._gone:
            return
        try:
            print(event_line(stored), file=self._stream, flush=True)
        except (OSError, ValueError):
            self._gone = True

    def warning(self, text: str) -> None:
        """Leave warnings to whoever writes to stderr: they are not in the journal."""

    def progress(self, progress: AttemptProgress) -> None:
        """Leave progress out: it is not in the journal."""


def event_line(stored: StoredEvent) -> str:
    """Give an event as one line of JSON, ASCII only, so that no text in it can harm a terminal."""
    return json.dumps(stored.as_json(), ensure_ascii=True, separators=(",", ":"))
