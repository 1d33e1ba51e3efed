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
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def of(self, journal: Journal, runbook: str, *, wait: bool = False) -> Mapping[str, float]:
        """Give what is known by now of a runbook; what newer runs tell is read meanwhile.

        Args:
            wait: until the newest are read, too.
        """
        newest = next((head.number for head in journal.runs(limit=1)), 0)
        with self._lock:
            number, known = self._found.get(runbook, (-1, MappingProxyType({})))
            if number == newest or runbook in self._busy:
                return known
            self._busy.add(runbook)
        if wait:
            self._look(journal, runbook, newest)
            return self._found[runbook][1]
        threading.Thread(target=self._look, args=(journal, runbook, newest), name="usual times", daemon=True).start()
        return known

    def _look(self, journal: Journal, runbook: str, newest: int) -> None:
        found: Mapping[str, float] = {}
        try:
            found = usual(read_history(journal, runbook, _RUNS, verify=False))
        except JournalError:
            found = {}  # (whoever looks at the run is told of the journal's trouble by that)
        finally:
            with self._lock:
                self._found[runbook] = (newest, found)
                self._busy.discard(runbook)
