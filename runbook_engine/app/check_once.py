"""Checks a whole journal for many who ask: a big one by a thread of its own, one at a time, and not again at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from runbook_engine.app.audit import Verification, verify
from runbook_engine.model.errors import RunbookError
from runbook_engine.ports.journal import Journal

_MOST_RECORDS, _MOST_EVENTS = 200, 20_000  # that whoever asks waits for
_NOT_AGAIN = 60.0  # seconds after the end of a check for which its result is given


@dataclass(frozen=True, slots=True)
class Checked:
    """Where the check stands.

    Attributes:
        began: when it began.
        found: what it found; None while it goes on.
        ended: when it ended.
    """

    began: datetime
    found: Verification | None = None
    ended: datetime | None = None


@dataclass(slots=True)
class JournalCheck:
    """The check of one journal, for all who look at it; safe to use from several threads."""

    clock: Callable[[], float] = monotonic
    _standing: Checked | None = None
    _error: RunbookError | None = None
    _fresh_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, journal: Journal) -> Checked:
        """Give the check that goes on, or the newest one if it ended a moment ago; begin one otherwise.

        A small journal is checked before this returns, a big one by a thread.

        Raises:
            JournalError: the journal can't even be read.
        """
        if _is_small(journal):
            began = datetime.now(UTC)
            found = verify(journal)
            return Checked(began, found, datetime.now(UTC))
        with self._lock:
            standing, error = self._standing, self._error
            if standing is not None and (standing.ended is None or self.clock() < self._fresh_until):
                if error is not None:
                    raise error
                return standing
            self._standing, self._error = Checked(datetime.now(UTC)), None
            threading.Thread(target=self._check, args=(journal,), name="journal check", daemon=True).start()
            return self._standing

    def _check(self, journal: Journal) -> None:
        found, error = None, None
        try:
            found = verify(journal)
        except RunbookError as unreadable:
            error = unreadable
        except Exception as defect:  # noqa: BLE001 - whoever asks is told; a thread that dies would leave them waiting
            error = RunbookError(f"the check broke off: {type(defect).__name__}: {defect}")
        with self._lock:
            began = self._standing.began if self._standing is not None else datetime.now(UTC)
            self._standing, self._error = Checked(began, found, datetime.now(UTC)), error
            self._fresh_until = self.clock() + _NOT_AGAIN


def _is_small(journal: Journal) -> bool:
    records = [*journal.runs(limit=_MOST_RECORDS + 1), *journal.monitor_records(limit=_MOST_RECORDS + 1)]
    return len(records) <= _MOST_RECORDS and sum(one.events for one in records) <= _MOST_EVENTS
