"""Whoever wants to see a run as it happens: the terminal, a log."""

from typing import Protocol

from runbook_engine.model.event import StoredEvent
from runbook_engine.ports.dispatcher import AttemptProgress


class Listener(Protocol):
    """Is told of each event after it is durable; must not raise and must not take long."""

    def event(self, stored: StoredEvent) -> None:
        """An event is in the journal."""
        ...

    def warning(self, text: str) -> None:
        """Something worth telling that does not change how the run ends."""
        ...

    def progress(self, progress: AttemptProgress) -> None:
        """A running attempt says how far it is; not recorded."""
        ...
