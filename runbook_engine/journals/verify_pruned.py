"""Verifying what pruning left: the records' own chain, the two events of each pruned run, and the runs opened since."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from runbook_engine.journals.chain import EventRow, read_row
from runbook_engine.journals.ledger import RunRow, followed, opened_row
from runbook_engine.journals.pruning import PruningRow, Removal, previous_hash, read_removal, seal_pruning
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import MonitorOpened, RunOpened
from runbook_engine.ports.journal import Damage


def verify_pruned(
    run: RunRow, rows: Iterable[EventRow], leftovers: int, record: PruningRow, *, before: EventRow | None
) -> list[Damage]:
    """Check what stays of a pruned run against its record.

    Args:
        leftovers: rows of captured output and of tasks that are still there.
        before: the first row of the run with the number before; None when there is none.
    """
    try:
        removal = read_removal(record)
    except JournalError:
        return [Damage(run=run.id, seq=0, problem="the record of its pruning was changed", kind="changed")]
    kept = {row.seq: row for row in rows}
    expected = {1: removal.opened_hash, removal.closed_seq: removal.closed_hash}
    found = [
        Damage(run=run.id, seq=seq, problem="was there, or came back, after the run was pruned", kind="inserted")
        for seq in sorted(kept.keys() - expected.keys())
    ]
    for seq, digest in expected.items():
        if (row := kept.get(seq)) is None:
            found.append(Damage(run=run.id, seq=seq, problem="is missing, which pruning left", kind="missing"))
        elif (problem := _changed(row, digest)) is not None:
            found.append(Damage(run=run.id, seq=seq, problem=problem, kind="changed"))
    if leftovers:
        problem = f"was pruned, but has {leftovers} rows of output or tasks"
        found.append(Damage(run=run.id, seq=0, problem=problem, kind="inserted"))
    return found or _check_row(run, kept, removal, before)


def verify_records(records: Sequence[PruningRow], runs: Mapping[str, RunRow]) -> list[Damage]:
    """Check the chain of the records, and that each names a run that the journal lists."""
    found = []
    before: PruningRow | None = None
    for row in records:
        if row.hash != seal_pruning(row):
            found.append(_record(row, "changed", "was changed after it was written"))
        elif row.number != (before.number if before else 0) + 1 or row.previous != previous_hash(before):
            found.append(_record(row, "missing", "does not follow the record before it"))
        elif row.run not in runs:
            found.append(_record(row, "missing", f"names run {row.run}, which is not listed"))
        before = row
    return found


def verify_order(openings: Sequence[tuple[RunRow, EventRow]], records: Sequence[PruningRow]) -> list[Damage]:
    """Check runs and records against each other.

    Each run names the newest record of its time, and each record the newest run. So no record can be put where runs
    were opened since, and none can be taken from there.

    Args:
        openings: each run with its first row, by the run's number.
    """
    places = {row.hash: row.number for row in records}
    firsts = {run.number: row.hash for run, row in openings}
    found: list[Damage] = []
    newest_then: list[int] = []
    for row in records:
        try:
            removal = read_removal(row)
        except JournalError:
            continue  # told by `verify_records`
        if firsts.get(removal.newest) != removal.newest_hash:
            found.append(_record(row, "swapped", f"names run number {removal.newest} as the newest, wrongly"))
        newest_then.append(removal.newest)
    for run, opening in openings:
        named = _named(opening)
        newest = bisect_left(newest_then, run.number)
        if (places.get(named, -1) if named else 0) != newest:
            problem = f"was opened after pruning number {newest}, and names another: records were removed or put there"
            found.append(Damage(run=run.id, seq=1, problem=problem, kind="missing"))
    return found


def _changed(row: EventRow, digest: str) -> str | None:
    """Say what is wrong with a row that stays, None when nothing is."""
    if row.hash != digest:
        return "is not the event that pruning left"
    try:
        stored = read_row(row, follows=None)
    except JournalError as error:
        return error.message
    return None if row.kind == stored.event.kind else "was changed after it was written"


def _check_row(run: RunRow, kept: Mapping[int, EventRow], removal: Removal, before: EventRow | None) -> list[Damage]:
    """Compare the run's row with the events that stay and the record, and its tie with the run before."""
    first = read_row(kept[1], follows=None)
    if not isinstance(first.event, RunOpened | MonitorOpened):
        return [Damage(run=run.id, seq=1, problem="is not run.opened", kind="changed")]
    last = kept[removal.closed_seq]
    told = followed(
        opened_row(run.number, kept[1], first.event, first.actor), last.time, read_row(last, follows=None).event
    )
    found = []
    if replace(told, head_seq=removal.events, head_hash=removal.head_hash) != run:
        problem = "is listed otherwise than the record of its pruning and its events say"
        found.append(Damage(run=run.id, seq=0, problem=problem, kind="head"))
    if (first.event.previous_run, first.event.previous_hash) != ((before.run, before.hash) if before else (None, None)):
        problem = "does not follow the run before it: a whole run was removed, replaced or inserted"
        found.append(Damage(run=run.id, seq=1, problem=problem, kind="missing"))
    return found


def _named(row: EventRow) -> str | None:
    """Give the hash of the record that a run's first event names; damage there is told elsewhere."""
    try:
        event = json.loads(row.body)
    except ValueError:
        return None
    named = event.get("previous_pruning") if isinstance(event, dict) else None
    return named if isinstance(named, str) else None


def _record(row: PruningRow, kind: str, problem: str) -> Damage:
    return Damage(run=row.run, seq=0, problem=f"the record of pruning number {row.number} {problem}", kind=kind)  # type: ignore[arg-type]  # one of the kinds
