"""The record that a run was pruned: what was removed, what stays, who did it and why; each sealed to the one before."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from runbook_engine.journals.chain import DAMAGE_HINT, EventRow, read_time
from runbook_engine.journals.ledger import ENDINGS, OPEN, RunRow
from runbook_engine.model.base import Frozen
from runbook_engine.model.errors import JournalError, KeptRunError, PrunedRunError
from runbook_engine.model.event import Actor
from runbook_engine.model.json import canonical_json
from runbook_engine.ports.journal import Pruning

_GENESIS = hashlib.sha256(b"prunings").hexdigest()


class Removal(Frozen):
    """What a record says.

    Attributes:
        events: how many the run had; all but the first and its newest run.closed were removed.
        outputs, output_bytes: captured streams that were removed, and their size.
        opened_hash, closed_hash: of the two events that stay; `closed_seq` is the second one's place.
        head_hash: of the run's last event.
        newest, newest_hash: number and first hash of the run that was the journal's newest then.
    """

    run: str
    reason: str
    events: int
    outputs: int
    output_bytes: int
    opened_hash: str
    closed_seq: int
    closed_hash: str
    head_hash: str
    newest: int
    newest_hash: str


class PruningRow(NamedTuple):
    """A record exactly as it is stored: `actor` and `body` are canonical JSON, `time` is ISO-8601 UTC."""

    number: int
    run: str
    time: str
    actor: str
    body: str
    previous: str
    hash: str


def pruning_row(row: Sequence[object]) -> PruningRow:
    """Give a record's row; a value of a wrong type becomes one that no hash fits."""
    number, *texts = row
    return PruningRow(
        number if isinstance(number, int) else -1, *(text if isinstance(text, str) else repr(text) for text in texts)
    )


def check_prunable(run: RunRow, newest: EventRow | None, pruned: PruningRow | None) -> None:
    """Refuse to prune a run that is not over, was pruned already, or is the journal's newest.

    Raises:
        PrunedRunError, KeptRunError: says so.
    """
    if pruned is not None:
        raise pruned_error(pruned)
    if run.status == OPEN:
        raise KeptRunError(f"run {run.id} is not over, and can't be pruned", hint=f"`runbook resume {run.id}` ends it")
    if newest is None or newest.run == run.id:
        raise KeptRunError(f"run {run.id} is the journal's newest, and can't be pruned")


def kept_rows(rows: Sequence[EventRow]) -> tuple[EventRow, EventRow]:
    """Give the rows that stay of a run that is over: the first, and its newest run.closed."""
    return rows[0], next(row for row in reversed(rows) if row.kind in ENDINGS)


def make_pruning(
    run: RunRow,
    kept: tuple[EventRow, EventRow],
    output_sizes: Sequence[int],
    *,
    newest: tuple[int, EventRow],
    actor: Actor,
    reason: str,
    time: str,
    before: PruningRow | None,
) -> PruningRow:
    """Write the record of a run that is being pruned.

    Args:
        kept: as `kept_rows` gives them.
        output_sizes: bytes of each captured stream.
        newest: number and first row of the journal's newest run.
        before: the newest record there is.
    """
    opened, closed = kept
    removal = Removal(
        run=run.id,
        reason=reason,
        events=run.head_seq,
        outputs=len(output_sizes),
        output_bytes=sum(output_sizes),
        opened_hash=opened.hash,
        closed_seq=closed.seq,
        closed_hash=closed.hash,
        head_hash=run.head_hash,
        newest=newest[0],
        newest_hash=newest[1].hash,
    )
    number, previous = (before.number + 1, before.hash) if before else (1, _GENESIS)
    who, body = canonical_json(actor.model_dump(mode="json")), canonical_json(removal.model_dump(mode="json"))
    row = PruningRow(number, run.id, time, who, body, previous, "")
    return row._replace(hash=seal_pruning(row))


def seal_pruning(row: PruningRow) -> str:
    """Give the hash of a record: SHA-256 of the previous hash and the canonical JSON of all that it says."""
    text = f'{{"actor":{row.actor},"number":{row.number},"pruning":{row.body},"time":"{row.time}"}}'
    return hashlib.sha256((row.previous + text).encode("utf-8", "surrogatepass")).hexdigest()


def previous_hash(before: PruningRow | None) -> str:
    """Give what stands as the previous hash in the record after this one."""
    return before.hash if before else _GENESIS


def read_removal(row: PruningRow) -> Removal:
    """Give what a record says.

    Raises:
        JournalError: it is not what was written.
    """
    try:
        removal = Removal.model_validate_json(row.body)
    except ValidationError as error:
        raise _damaged(row) from error
    if removal.run != row.run or seal_pruning(row) != row.hash:
        raise _damaged(row)
    return removal


def read_pruning(row: PruningRow) -> Pruning:
    """Turn a record's row into what it tells.

    Raises:
        JournalError: it is not what was written.
    """
    removal = read_removal(row)
    try:
        actor, at = Actor.model_validate_json(row.actor), read_time(row.time)
    except ValueError as error:
        raise _damaged(row) from error
    return Pruning(
        run=removal.run,
        at=at,
        actor=actor,
        reason=removal.reason,
        events=removal.events,
        outputs=removal.outputs,
        output_bytes=removal.output_bytes,
        hash=row.hash,
    )


def pruned_error(row: PruningRow) -> PrunedRunError:
    """Say that what a run did is no longer here."""
    pruning = read_pruning(row)
    reason = f" ({pruning.reason})" if pruning.reason else ""
    return PrunedRunError(
        f"run {pruning.run} was pruned by {pruning.actor.name} on {pruning.at:%Y-%m-%d}{reason}: "
        f"its {pruning.events} events are gone",
        hint="`runbook runs` still has its line; reports and bundles that were made before are elsewhere",
    )


def _damaged(row: PruningRow) -> JournalError:
    return JournalError(f"the record of pruning number {row.number} ({row.run}) is damaged", hint=DAMAGE_HINT)
