"""What opening a run and appending to it mean, as functions on rows; every store does the same by them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from runbook_engine.journals.chain import DAMAGE_HINT, EventRow, genesis, label, make_row, make_rows, read_time
from runbook_engine.model.errors import JournalError, LeaseError, OvertakenError
from runbook_engine.model.event import (
    MONITOR,
    Actor,
    AttemptFinished,
    Event,
    LeaseTaken,
    MonitorClosed,
    MonitorOpened,
    RunClosed,
    RunOpened,
    StoredEvent,
)
from runbook_engine.ports.journal import Lease, RunHead

SCHEMA_VERSION = 7  # of the tables and the events; a higher one needs a file in `migrations/versions`
OPEN = "open"
# What may still be said of a run that is over: none of it changes how it ended. What became of an attempt in doubt may
# be known only then (its target may never be reached again), and a revert or a run that goes on from it must know.
AFTER_THE_END = frozenset(
    {"note.added", "lease.lost", "gate.refused", "task.resolved", "readiness.assessed", "readiness.told"}
)
# Kinds of the first event of a run, and of a record of the monitor's, which is kept like a run; and of their last one.
OPENINGS, ENDINGS = ("run.opened", "monitor.opened"), ("run.closed", "monitor.closed")
_MONITORS_ONLY = frozenset(
    {"monitor.closed", "trigger.seen", "alarm.raised", "alarm.grew", "alarm.returned", "alarm.over", "alarm.told"}
)
_EVERYWHERE = frozenset({"lease.taken", "lease.lost", "note.added"})
# A run that closed with this status may be resumed, which begins with taking the lease.
RESUMABLE = "failed"


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run exactly as it is stored; times are ISO-8601 UTC. `head_*` tell the chain's end apart from its events."""

    id: str
    number: int
    runbook: str
    inventory: str
    mode: str
    opened_at: str
    status: str
    closed_at: str | None
    operator: str
    head_seq: int
    head_hash: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one append writes: the run as it is afterwards, its new rows, and the same rows as a reader sees them."""

    run: RunRow
    rows: list[EventRow]
    stored: list[StoredEvent]


def open_batch(
    run: str,
    event: Event,
    actor: Actor,
    *,
    time: str,
    number: int,
    before: EventRow | None,
    pruning: str | None = None,
) -> Batch:
    """Begin a run, tied to the one before it.

    Args:
        number: the run's number in this journal.
        before: the run.opened row of the run with the number before; None for the first.
        pruning: hash of the newest record of a pruning; None when there is none.

    Raises:
        JournalError: the event does not open a run.
    """
    if not isinstance(event, RunOpened | MonitorOpened):
        raise JournalError(f"run {run} must begin with run.opened, not with {event.kind}")
    if not run or run != label(run):
        raise JournalError(f"{run!r} is not an id that a run can have")
    tied = event.model_copy(
        update={
            "previous_run": before.run if before else None,
            "previous_hash": before.hash if before else None,
            "previous_pruning": pruning,
        }
    )
    row, stored = make_row(run, 1, time, actor, tied, genesis(run))
    return Batch(opened_row(number, row, tied, actor), [row], [stored])


def opened_row(number: int, row: EventRow, event: RunOpened | MonitorOpened, actor: Actor) -> RunRow:
    """Give the run (or record of the monitor's) as its first event makes it."""
    return RunRow(
        id=row.run,
        number=number,
        runbook=label(event.runbook) if isinstance(event, RunOpened) else MONITOR,
        inventory=label(event.inventory),
        mode=event.mode.value if isinstance(event, RunOpened) else MONITOR,
        opened_at=row.time,
        status=OPEN,
        closed_at=None,
        operator=label(actor.name),
        head_seq=row.seq,
        head_hash=row.hash,
    )


def append_batch(run: RunRow, events: Sequence[Event], actor: Actor, *, time: str) -> Batch:
    """Continue a run's chain.

    Raises:
        JournalError: the run is over, or an event can't be recorded.
    """
    state = run
    for event in events:
        refuse_after_end(state, event)
        state = followed(state, time, event)
    rows: list[EventRow] = []
    stored: list[StoredEvent] = []
    for row, seen in make_rows(run.id, run.head_seq + 1, time, actor, events, run.head_hash):
        rows.append(row)
        stored.append(seen)
    if rows:
        state = replace(state, head_seq=rows[-1].seq, head_hash=rows[-1].hash)
    return Batch(state, rows, stored)


def followed(run: RunRow, time: str, event: Event) -> RunRow:
    """Give the run with the status that it has after one more event, of that time; its head stays as it was."""
    if isinstance(event, RunClosed):
        return replace(run, status=event.status, closed_at=time)
    if isinstance(event, MonitorClosed):
        return replace(run, status="closed", closed_at=time)
    if isinstance(event, LeaseTaken) and run.status != OPEN:
        return replace(run, status=OPEN, closed_at=None)
    return run


def refuse_after_end(run: RunRow, event: Event) -> None:
    """Refuse an event that comes too late, or opens a run twice.

    Raises:
        JournalError: says so.
    """
    if isinstance(event, RunOpened | MonitorOpened):
        raise JournalError(f"run {run.id} is open already; it can't be opened again")
    if (event.kind in _MONITORS_ONLY) != (run.mode == MONITOR) and event.kind not in _EVERYWHERE:
        raise JournalError(f"{event.kind} can't be added to {run.id}, which is a record of another kind")
    if run.status == OPEN or event.kind in AFTER_THE_END:
        return
    if run.status == RESUMABLE:
        if not isinstance(event, LeaseTaken):
            raise JournalError(
                f"run {run.id} is closed ({run.status}): {event.kind} can't be added",
                hint=f"`runbook resume {run.id}` goes on with it",
            )
        return
    raise JournalError(
        f"run {run.id} is closed ({run.status}): {event.kind} can't be added",
        hint="only notes and the truth about attempts in doubt can be added now",
    )


def output_rows(
    run: str, events: Iterable[Event], outputs: Mapping[tuple[str, int], Mapping[str, bytes]]
) -> list[tuple[str, str, int, str, bytes, str]]:
    """Lay captured output out as rows: run, task, number, stream, data, SHA-256.

    Raises:
        ValueError: a stream's digest is not in the batch's attempt.finished; it could never be verified.
    """
    told = {(event.task, event.number): event.output_digest for event in events if isinstance(event, AttemptFinished)}
    rows = []
    for (task, number), streams in outputs.items():
        for stream, data in streams.items():
            digest = sha256(data).hexdigest()
            if told.get((task, number), {}).get(stream) != digest:
                message = f"attempt.finished of {task} #{number} does not record the digest of its {stream}"
                raise ValueError(message)
            rows.append((run, task, number, stream, data, digest))
    return rows


def check_output(run: str, task: str, number: int, stream: str, data: bytes, digest: str) -> bytes:
    """Give captured output back if it still is what was captured.

    Raises:
        JournalError: it was changed.
    """
    if sha256(data).hexdigest() != digest:
        raise JournalError(f"run {run}, {task} attempt {number}: the captured {stream} was changed", hint=DAMAGE_HINT)
    return data


def check_fence(lease: Lease | None, fence: int | None, *, held: bool) -> None:
    """Refuse a writer whose lease is no longer the newest of its name.

    Args:
        fence: the store's; None when it knows no lease of that name.
        held: whether that lease is still somebody's, not given back.

    Raises:
        LeaseError: says so; nothing may be written.
    """
    if lease is None or (held and fence == lease.fence):
        return
    raise LeaseError(
        f"the right to advance {lease.name} was lost: {lease.holder} has number {lease.fence}, "
        f"the newest is {fence or 0}{'' if held else ', given back'}",
        hint="another process goes on with the run; see where it stands with `runbook status`",
    )


def head_of(run: RunRow, *, pruned: bool = False) -> RunHead:
    """Describe a run for those who list it.

    Raises:
        JournalError: its row is damaged.
    """
    try:
        opened_at, closed_at = read_time(run.opened_at), read_time(run.closed_at) if run.closed_at else None
    except (TypeError, ValueError) as error:
        raise JournalError(f"run {run.id}: damaged, its times can't be read", hint=DAMAGE_HINT) from error
    return RunHead(
        id=run.id,
        number=run.number,
        runbook=run.runbook,
        inventory=run.inventory,
        mode=run.mode,
        opened_at=opened_at,
        status=run.status,
        closed_at=closed_at,
        operator=run.operator,
        events=run.head_seq,
        head_hash=run.head_hash,
        pruned=pruned,
    )


def no_such_run(run: str) -> JournalError:
    """Say that the journal doesn't know a run."""
    return JournalError(f"the journal knows no run {run}", hint="`runbook runs` lists those it knows")


def overtaken(run: str) -> OvertakenError:
    """Say that somebody else decided since the run was read."""
    return OvertakenError(
        f"somebody decided about run {run} at the same moment; nothing was recorded",
        hint=f"see where it stands with `runbook status {run}`, and answer again if it still asks",
    )


def no_company() -> JournalError:
    """Say that something was to be written together with events where there is nothing but events."""
    text = "only a journal in PostgreSQL can hold the orders of workers on other machines"
    return JournalError(text, hint='set journal = "postgresql://…" in runbook.toml')


def run_exists(run: str) -> JournalError:
    """Say that an id is taken."""
    return JournalError(f"the journal already has a run {run}", hint="a new run needs a new id")
