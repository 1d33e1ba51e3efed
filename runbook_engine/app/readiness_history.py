"""The looks at readiness that the journal keeps: the one before, and what changed since."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook_engine.model.event import ReadinessAssessed, ReadinessTold, RunOpened, StoredEvent
from runbook_engine.model.outcome import Mode
from runbook_engine.model.readiness import ReadinessFinding
from runbook_engine.ports.journal import Journal, RunHead

_MOST_LOOKS, _MOST_SEEN = 10, 100
_MOSTLY_LAST = 8  # events after the run's end: the assessment, who was told of it, and what people noted


@dataclass(frozen=True, slots=True)
class Look:
    """A look at readiness that came to its end."""

    run: str
    at: datetime
    opened: RunOpened
    assessed: ReadinessAssessed


def look_before(journal: Journal, run: str) -> Look | None:
    """Give the newest look before this run at the same runbook on the same inventory and limit; None without one.

    A look that was interrupted, or whose run was pruned, is passed over.
    """
    for head, before in _alike(journal, run):
        if found := _assessed(journal, head, before):
            return found
    return None


def told_before(journal: Journal, run: str, channel: str) -> ReadinessTold | None:
    """Give what a channel knows since the looks before this run at the same thing; None when it never was told."""
    for head, _ in _alike(journal, run):
        for stored in reversed(_judged(journal, head)):
            if isinstance(stored.event, ReadinessTold) and stored.event.channel == channel:
                return stored.event
    return None


def looks(journal: Journal, runbook: str) -> list[Look]:
    """Give the newest looks at a runbook's readiness, newest first; what was interrupted or pruned is passed over."""
    found: list[Look] = []
    dry = [head for head in journal.runs() if head.runbook == runbook and head.mode == Mode.DRY_RUN.value]
    for head in [head for head in dry if not head.pruned][:_MOST_SEEN]:
        opened = _opened(journal, head.id)
        look = _assessed(journal, head, opened) if opened is not None and opened.readiness else None
        if look is not None:
            found.append(look)
        if len(found) == _MOST_LOOKS:
            break
    return found


def changes(findings: tuple[ReadinessFinding, ...], before: Look | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name what is missing or unknown now and was not, and what was and is not any more; none without a look before."""
    if before is None:
        return (), ()
    now = dict.fromkeys(one.what for one in findings if one.counts)
    then = dict.fromkeys(one.what for one in before.assessed.findings if one.counts)
    return tuple(what for what in now if what not in then), tuple(what for what in then if what not in now)


def _alike(journal: Journal, run: str) -> Iterator[tuple[RunHead, RunOpened]]:
    """Give the looks before this run at the same runbook on the same inventory and limit, newest first."""
    mine, opened = journal.head(run), _opened(journal, run)
    if mine is None or opened is None:
        return
    for head in journal.runs():
        alike = (head.runbook, head.inventory, head.mode) == (mine.runbook, mine.inventory, Mode.DRY_RUN.value)
        if head.number >= mine.number or head.pruned or not alike:
            continue
        before = _opened(journal, head.id)
        if before is not None and before.readiness and before.limit == opened.limit:
            yield head, before


def _opened(journal: Journal, run: str) -> RunOpened | None:
    event = next(iter(journal.read(run))).event
    return event if isinstance(event, RunOpened) else None


def _assessed(journal: Journal, head: RunHead, opened: RunOpened) -> Look | None:
    """Find the run's newest assessment."""
    first = next(iter(_judged(journal, head)), None)
    if first is not None and isinstance(event := first.event, ReadinessAssessed):
        return Look(head.id, first.time, opened, event)
    return None


def _judged(journal: Journal, head: RunHead) -> list[StoredEvent]:
    """Give a run's newest assessment, which is nearly always among its last events, and what came after it."""
    for after in (max(0, head.events - _MOSTLY_LAST), 0):
        ending: list[StoredEvent] = []
        for stored in journal.read(head.id, after=after):
            if isinstance(stored.event, ReadinessAssessed):
                ending = [stored]
            elif ending:
                ending.append(stored)
        if ending:
            return ending
    return []
