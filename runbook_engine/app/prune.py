"""The use case `runs prune`: old runs give their events and captured output up; which, and which never."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook_engine.model.errors import JournalError, KeptRunError, PrunedRunError, UsageError
from runbook_engine.model.event import Actor
from runbook_engine.model.names import format_duration
from runbook_engine.ports.journal import Journal, Pruning, RunHead


@dataclass(frozen=True, slots=True)
class Retention:
    """What is to be kept; a run goes only when every limit that is given lets it go.

    Attributes:
        older_than: runs that ended within this time stay.
        keep: so many of the newest runs stay.
        failed: runs that ended `failed` may go, too, though they could still be resumed.
    """

    older_than: timedelta | None = None
    keep: int | None = None
    failed: bool = False

    def __str__(self) -> str:
        parts = [f"older than {format_duration(self.older_than)}"] if self.older_than is not None else []
        parts += [f"not among the newest {self.keep}"] if self.keep is not None else []
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a retention means for a journal: the runs that go, oldest first, and why others that are old stay."""

    go: tuple[RunHead, ...]
    stay: tuple[tuple[RunHead, str], ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What came of it: the records, the runs that had to stay and why, and why the space could not be given back."""

    done: tuple[Pruning, ...]
    refused: tuple[tuple[RunHead, str], ...]
    trouble: str = ""


def choose(heads: Sequence[RunHead], retention: Retention, now: datetime) -> Choice:
    """Tell which runs go.

    The newest run of all stays, and of each runbook on each inventory in each mode the newest, and the newest that
    succeeded: they are what `@failed`, the last drill's proof and the next audit ask for.

    Args:
        heads: newest first.

    Raises:
        UsageError: no limit is given.
    """
    if retention.older_than is None and retention.keep is None:
        raise UsageError("what may go must be said", hint="--older-than 400d, --keep 100, or both")
    go: list[RunHead] = []
    stay: list[tuple[RunHead, str]] = []
    seen: set[tuple[str, ...]] = set()
    for place, head in enumerate(heads):
        kind = (head.runbook, head.inventory, head.mode)
        marks = {kind, (*kind, head.status)} if head.status == "succeeded" else {kind}
        first = bool(marks - seen)
        seen |= marks
        if head.pruned or not _is_old(head, place, retention, now):
            continue
        why = _why_it_stays(head, first=first, failed=retention.failed)
        if why is None:
            go.append(head)
        else:
            stay.append((head, why))
    return Choice(tuple(reversed(go)), tuple(stay))


def prune(journal: Journal, runs: Sequence[RunHead], speaker: Actor, reason: str) -> Pruned:
    """Prune runs, one after the other, and give the space back.

    Raises:
        JournalError: the journal can't be written; what was pruned before is recorded.
    """
    done: list[Pruning] = []
    refused: list[tuple[RunHead, str]] = []
    for head in runs:
        if journal.lease(f"run:{head.id}") is not None:
            refused.append((head, "a process goes on with it"))
            continue
        try:
            done.append(journal.prune(head.id, speaker, reason))
        except (KeptRunError, PrunedRunError) as error:
            refused.append((head, error.message))
    return Pruned(tuple(done), tuple(refused), _give_space_back(journal) if done else "")


def preview(journal: Journal, retention: Retention) -> Choice:
    """Tell what `prune` would take from a journal now."""
    now = datetime.now(UTC)
    runs, records = choose(journal.runs(), retention, now), choose(journal.monitor_records(), retention, now)
    return Choice((*runs.go, *records.go), (*runs.stay, *records.stay))


def _give_space_back(journal: Journal) -> str:
    """Compact the journal; says why not, if so. A run that goes on would have to wait for it with every step."""
    if any(head.status == "open" and journal.lease(f"run:{head.id}") is not None for head in journal.runs()):
        return "a run is going on, so the freed space is given back by a later pruning"
    try:
        journal.compact()
    except JournalError as error:
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return ""


def _is_old(head: RunHead, place: int, retention: Retention, now: datetime) -> bool:
    ended = head.closed_at or head.opened_at
    old = retention.older_than is None or ended <= now - retention.older_than
    return old and (retention.keep is None or place >= retention.keep)


def _why_it_stays(head: RunHead, *, first: bool, failed: bool) -> str | None:
    if head.status == "open":
        return "it is not over"
    if first:
        return "it is the newest of its runbook, inventory and mode, or the newest of these that succeeded"
    if head.status == "failed" and not failed:
        return "it failed and can be resumed (--include-failed lets it go)"
    return None
