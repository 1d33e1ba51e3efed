"""Finds the run that an address names."""

from runbook_engine.model.errors import UsageError
from runbook_engine.model.event import MONITOR
from runbook_engine.ports.journal import RunHead
from runbook_engine.web.source import Source


def head_of(source: Source, run: str) -> RunHead:
    """Give the run of an address.

    Raises:
        UsageError: the journal has no run of that id.
        JournalError: the journal can't be read.
    """
    head = source.journal.head(run)
    if head is None or head.mode == MONITOR:
        raise UsageError(f"there is no run {run[:100]!r}", hint="the list of runs has all that the journal knows")
    return head
