"""The use cases `audit log` and `audit verify`: what happened, and the proof that nobody changed the record."""

from collections.abc import Iterator
from datetime import datetime

from runbook_engine.model.base import Frozen
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
        anchors: with how many anchors it was compared.
        events: how many were checked; those of pruned runs are no longer there.
        damages: run, event (0: the run as a whole), kind and problem of each.
        pruned: the runs whose events were removed, and who did it; empty when the records of that are damaged.
    """

    runs: int
    events: int
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
    heads = [head for head in [journal.head(run)] if head is not None] if run is not None else all_records(journal)
    return Verification(
        runs=len(heads),
        events=sum(head.events for head in heads if not head.pruned),
        damages=tuple(_damage(damage) for damage in damages),
        head=heads[0].head_hash if heads else "",
        pruned=() if damages else tuple(_pruned(one) for one in journal.prunings() if run in {None, one.run}),
    )


def all_records(journal: Journal) -> list[RunHead]:
    """Give everything that the journal keeps, newest first: the monitor's records are in the chain, too."""
    return sorted([*journal.runs(), *journal.monitor_records()], key=lambda head: head.number, reverse=True)


def _pruned(one: Pruning) -> PrunedRun:
    return PrunedRun(run=one.run, by=one.actor.name, at=one.at, reason=one.reason, events=one.events)


def _damage(damage: Damage) -> dict[str, str | int]:
    return {"run": damage.run, "seq": damage.seq, "kind": damage.kind, "problem": damage.problem}
