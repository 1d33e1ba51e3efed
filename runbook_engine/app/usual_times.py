"""What the steps of runbooks usually take, found out in the background so that nobody waits for it."""

import threading
from collections.abc import Mapping
from types import MappingProxyType

from runbook_engine.app.history import read_history, usual
from runbook_engine.model.errors import JournalError
from runbook_engine.ports.journal import Journal

_RUNS = 20  # the newest ones, which are read


class UsualTimes:
    """Gives by step the seconds of half of the earlier runs; safe to use from several threads."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, Mapping[str, float]]] = {}
        self._looking: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def of(self, journal: Journal, runbook: str, *, wait: float = 0.0) -> Mapping[str, float]:
        """Give what is known by now of a runbook; what newer runs tell is read meanwhile.

        Args:
            wait: at most so many seconds until the newest are read, too.
        """
        newest = next((head.number for head in journal.runs(limit=1)), 0)
        with self._lock:
            number, known = self._found.get(runbook, (-1, MappingProxyType({})))
            if number == newest:
                return known
            looking = self._looking.get(runbook)
            if looking is None:
                looking = threading.Thread(
                    target=self._look, args=(journal, runbook, newest), name="usual times", daemon=True
                )
                self._looking[runbook] = looking
                looking.start()
        looking.join(wait)
        with self._lock:
            return self._found.get(runbook, (-1, known))[1]

    def _look(self, journal: Journal, runbook: str, newest: int) -> None:
        found: Mapping[str, float] = {}
        try:
            found = usual(read_history(journal, runbook, _RUNS, verify=False))
        except JournalError:
            found = {}  # (whoever looks at the run is told of the journal's trouble by that)
        finally:
            with self._lock:
                self._found[runbook] = (newest, found)
                self._looking.pop(runbook, None)
