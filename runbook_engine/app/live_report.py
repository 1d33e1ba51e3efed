"""Keeps the reports of runs that people watch up to date, and reads only the events that are new for it."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from runbook_engine.model.report import RunReport
from runbook_engine.ports.journal import Journal
from runbook_engine.reporting.build import report_of
from runbook_engine.reporting.run_fold import RunFold
from runbook_engine.reporting.tasks import excerpts

_MOST_RUNS = 16  # that are kept; whoever watches another one has it read from its beginning
_MOST_EXCERPTS = 500


@dataclass(slots=True)
class _Kept:
    """A run as far as it was read."""

    fold: RunFold = field(default_factory=RunFold)
    seq: int = 0
    report: RunReport | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class LiveReports:
    """Gives the reports of runs, finished or not; safe to use from several threads, who share the work."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._excerpts: OrderedDict[tuple[str, str, int], dict[str, str]] = OrderedDict()
        self._lock = threading.Lock()

    def report(self, journal: Journal, run: str) -> RunReport:
        """Give the report of a run as it stands now, without captured output.

        Raises:
            JournalError: there is no such run, it was pruned, or it can't be read.
        """
        kept = self._of(run)
        with kept.lock:
            for stored in journal.read(run, after=kept.seq):
                kept.fold.follow(stored)
                kept.seq, kept.report = stored.seq, None
            if kept.report is None:
                kept.report = report_of(kept.fold)
            return kept.report

    def captured(self, journal: Journal, run: str, task: str, number: int) -> dict[str, str]:
        """Give an excerpt of what an attempt put out, by stream; it is recorded when the attempt ends.

        Raises:
            JournalError: it can't be read.
        """
        key = (run, task, number)
        with self._lock:
            if key in self._excerpts:
                return self._excerpts[key]
        found = excerpts(journal.output(run, task, number))
        with self._lock:
            self._excerpts[key] = found
            while len(self._excerpts) > _MOST_EXCERPTS:
                self._excerpts.popitem(last=False)
        return found

    def _of(self, run: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(run, _Kept())
            self._kept.move_to_end(run)
            while len(self._kept) > _MOST_RUNS:
                self._kept.popitem(last=False)
            return kept
