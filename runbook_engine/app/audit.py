"""The use cases `audit log` and `audit verify`: what happened, and the proof that nobody changed the record."""

from collections.abc import Iterator
from datetime import datetime

from runbook_engine.app.find_run import find_record
from runbook_engine.model.base import Frozen
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import StoredEvent
from runbook_engine.ports.journal import Damage, Journal, Pruning, RunHead


class PrunedRun(Frozen):
    """A run whose events were removed on purpose, and can't be checked any more."""

    run: str
    by: str
    at: datetime
    reason: str
    events: int


class Verification(Frozen):
    """What a check of the journal's chain found.

    Attributes:
        runs: how many were checked; None when a run's own row is so damaged that they can't be listed.
        events: how many were checked; those of pruned runs are no longer there. None as for `runs`.
        anchors: with how many anchors it was compared.
        damages: run, event (0: the run as a whole), kind and problem of each.
        pruned: the runs whose events were removed, and who did it; empty when the records of that are damaged.
    """

    runs: int | None
    events: int | None
    damages: tuple[dict[str, str | int], ...] = ()
    head: str = ""
    anchors: int = 0
    pruned: tuple[PrunedRun, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether nothing was changed."""
        return not self.damages


def read_log(journal: Journal, run: str) -> Iterator[StoredEvent]:
    """Give everything that happened to a run, in order."""
    yield from journal.read(run)


def verify(journal: Journal, run: str | None = None) -> Verification:
    """Check the chain of one run, or of the whole journal with the ties between its runs.

    Raises:
        JournalError: the journal can't even be read.
    """
    damages = journal.verify(run)
    told = tuple(_damage(damage) for damage in damages)
    try:
        heads = [head for head in [journal.head(run)] if head is not None] if run is not None else all_records(journal)
    except JournalError:
        if not damages:
            raise
        # What can't be listed is among the damages, which are the answer.
        return Verification(runs=None, events=None, damages=told)
    return Verification(
        runs=len(heads),
        events=sum(head.events for head in heads if not head.pruned),
        damages=told,
        head=heads[0].head_hash if heads else "",
        pruned=() if damages else tuple(_pruned(one) for one in journal.prunings() if run in {None, one.run}),
    )


def record_id(journal: Journal, name: str) -> str:
    """Give the id of the record that is to be verified (see `find_record`), also of one whose row can't be read.

    Raises:
        UsageError: there is none, or more than one.
        JournalError: which one is meant can't be told, since the row of another can't be read.
    """
    try:
        return find_record(journal, name).id
    except JournalError as unreadable:
        try:
            journal.verify(name)
        except JournalError:
            raise unreadable from None
        return name


def all_records(journal: Journal) -> list[RunHead]:
    """Give everything that the journal keeps, newest first: the monitor's records are in the chain, too."""
    return sorted([*journal.runs(), *journal.monitor_records()], key=lambda head: head.number, reverse=True)


def _pruned(one: Pruning) -> PrunedRun:
    return PrunedRun(run=one.run, by=one.actor.name, at=one.at, reason=one.reason, events=one.events)


def _damage(damage: Damage) -> dict[str, str | int]:
    return {"run": damage.run, "seq": damage.seq, "kind": damage.kind, "problem": damage.problem}
