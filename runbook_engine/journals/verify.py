"""Finding what was changed in a journal after it was written, and naming the event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeAlias

from runbook_engine.journals.chain import EventRow, genesis, read_row, seal
from runbook_engine.journals.ledger import RunRow, followed, opened_row
from runbook_engine.journals.rows import TaskRow, TaskRows
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import (
    AttemptFinished,
    AttemptStarted,
    Event,
    GateOpened,
    HoldResolved,
    LeaseTaken,
    MonitorOpened,
    RunOpened,
    StoredEvent,
    TaskResolved,
)
from runbook_engine.model.signed_answer import GateAnswer, answer_problem
from runbook_engine.model.signed_decision import decision_problem
from runbook_engine.ports.journal import Damage

Kind: TypeAlias = Literal["changed", "missing", "inserted", "swapped", "tail", "head", "output", "signature"]
_MOST_DAMAGES = 100  # of one run: after a cut everything behind it is wrong, and nobody reads a thousand lines
_SEARCH = 1000  # places before and after, where a moved event is looked for


@dataclass(frozen=True, slots=True)
class OutputFact:
    """Captured output as stored: the digest its row claims, and the one its bytes have."""

    task: str
    number: int
    stream: str
    claimed: str
    actual: str


@dataclass(slots=True)
class _Walk:
    """What is known of a run while its rows are walked."""

    run: RunRow
    damages: list[Damage] = field(default_factory=list)
    folded: RunRow | None = None
    recorded: dict[tuple[str, int, str], tuple[int, str]] = field(default_factory=dict)
    opening: StoredEvent | None = None
    tasks: TaskRows = field(default_factory=TaskRows)
    gates: dict[str, GateOpened] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    signers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def broken(self) -> bool:
        """Whether the events themselves are damaged; a void signature says nothing against them."""
        return any(damage.kind != "signature" for damage in self.damages)

    def tell(self, seq: int, kind: Kind, problem: str) -> None:
        if len(self.damages) < _MOST_DAMAGES:
            self.damages.append(Damage(run=self.run.id, seq=seq, problem=problem, kind=kind))


def verify_run(
    run: RunRow,
    rows: Iterable[EventRow],
    outputs: Iterable[OutputFact],
    tasks: Iterable[TaskRow],
    *,
    before: EventRow | None,
) -> list[Damage]:
    """Check one run: its chain, its end, its row, its tasks' rows, its captured output, and its tie to the run before.

    Args:
        rows: the run's rows by `seq`.
        tasks: where the run's tasks stand, as listed.
        before: the first row of the run with the number before; None when there is none.
    """
    walk = _Walk(run)
    last = _walk_chain(walk, rows)
    _check_end(walk, last)
    _check_row(walk)
    _check_tasks(walk, tasks)
    _check_tie(walk, before)
    _check_outputs(walk, outputs)
    return walk.damages


def verify_alone(run: str, rows: Iterable[EventRow], outputs: Iterable[OutputFact]) -> list[Damage]:
    """Check a run's events and captured output away from their journal: the chain, signatures, digests.

    What only the journal knows (where the chain ended, the runs before) is not looked at.
    """
    walk = _Walk(RunRow(run, 0, "", "", "", "", "", None, "", 0, ""))
    _walk_chain(walk, rows)
    if walk.opening is None and not walk.broken:
        walk.tell(1, "changed", "is not run.opened")
    _check_outputs(walk, outputs)
    return walk.damages


def verify_numbers(runs: Sequence[RunRow], count: int, strays: Mapping[str, int]) -> list[Damage]:
    """Check what no single run can tell: runs removed as a whole, and events of runs that are not listed.

    Args:
        runs: by number.
        count: how many runs were ever opened.
        strays: number of events by run, of runs that the journal doesn't list.
    """
    absent = sorted(set(range(1, count + 1)) - {run.number for run in runs})
    damages = [
        Damage(run="", seq=0, problem=f"run number {number} is missing", kind="missing")
        for number in absent[:_MOST_DAMAGES]
    ]
    damages += [
        Damage(run=run.id, seq=0, problem=f"has number {run.number}, but only {count} were opened", kind="head")
        for run in runs
        if not 1 <= run.number <= count
    ]
    damages += [
        Damage(run=run, seq=0, problem=f"is not listed, but has {number} rows of events or output", kind="missing")
        for run, number in strays.items()
    ]
    return damages


def _walk_chain(walk: _Walk, rows: Iterable[EventRow]) -> tuple[EventRow | None, str]:
    """Compare each row with its own hash and with the row before it; give the last row and the hash it should have."""
    before: EventRow | None = None
    true_hash = genesis(walk.run.id)
    for row in rows:
        own = seal(row.run, row.seq, row.time, row.actor, row.body, row.previous)
        expected = before.seq + 1 if before else 1
        if row.seq > expected:
            walk.tell(expected, "missing", f"{_events(expected, row.seq - 1)} removed")
        elif row.seq < expected:
            walk.tell(row.seq, "inserted", "stands before the first event")
        if own != row.hash:
            walk.tell(row.seq, *_explain_changed(row))
        elif row.seq == expected and row.previous not in {before.hash if before else true_hash, true_hash}:
            walk.tell(row.seq, "inserted", "does not follow the event before it: one of the two was put there later")
        else:
            _fold(walk, row)
        before, true_hash = row, own
    return before, true_hash


def _explain_changed(row: EventRow) -> tuple[Kind, str]:
    for place in range(max(1, row.seq - _SEARCH), row.seq + _SEARCH):
        if seal(row.run, place, row.time, row.actor, row.body, row.previous) == row.hash:
            return "swapped", f"was written as event {place}: events were exchanged, removed or inserted"
    return "changed", f"was changed after it was written ({row.kind})"


def _fold(walk: _Walk, row: EventRow) -> None:
    """Follow the run's state through a row that is intact by itself."""
    try:
        stored = read_row(row, follows=None)
    except JournalError as error:
        walk.tell(row.seq, "changed", error.message)
        return
    event = stored.event
    walk.tasks.take(stored)
    if row.kind != event.kind:
        walk.tell(row.seq, "changed", f"is listed as {row.kind!r}, but is {event.kind!r}")
    if row.seq == 1 and isinstance(event, RunOpened | MonitorOpened):
        walk.opening = stored
        walk.folded = opened_row(walk.run.number, row, event, stored.actor)
    elif walk.folded is not None:
        walk.folded = followed(walk.folded, row.time, event)
    _follow_gate(walk, row.seq, event)
    _follow_decision(walk, stored)
    if isinstance(event, AttemptFinished):
        for stream, digest in event.output_digest.items():
            walk.recorded[event.task, event.number, stream] = (row.seq, digest)


def _follow_gate(walk: _Walk, seq: int, event: Event) -> None:
    """Check the signature of an answer against what the gate asked and whose keys counted when it opened."""
    if isinstance(event, GateOpened):
        walk.gates[event.task] = event
    if not isinstance(event, GateAnswer):
        return
    opened = walk.gates.get(event.task)
    if opened is None:
        problem = "no gate was open" if event.signature else None
    else:
        problem = answer_problem(walk.run.id, opened, event)
    if problem is not None:
        walk.tell(seq, "signature", f"the answer of {event.person} to {event.task}: {problem}")


def _follow_decision(walk: _Walk, stored: StoredEvent) -> None:
    """Check the signature of a decision about a task against whose keys counted, and the attempt it is about."""
    event = stored.event
    if isinstance(event, LeaseTaken):
        walk.signers = event.signers
    elif isinstance(event, AttemptStarted):
        walk.attempts[event.task] = event.number
    elif isinstance(event, HoldResolved | TaskResolved):
        person, attempts = stored.actor.name, walk.attempts.get(event.task, 0)
        problem = decision_problem(walk.run.id, event, person, walk.signers, attempts=attempts)
        if problem is not None:
            walk.tell(stored.seq, "signature", f"the decision of {person} about {event.task}: {problem}")


def _check_end(walk: _Walk, last: tuple[EventRow | None, str]) -> None:
    """Compare the chain's end with the one that the run's row remembers: a cut tail is seen by it."""
    row, true_hash = last
    seq, run = row.seq if row else 0, walk.run
    if run.head_seq > seq:
        walk.tell(seq + 1, "tail", f"{_events(seq + 1, run.head_seq)} cut off the end")
    elif run.head_seq < seq:
        walk.tell(run.head_seq + 1, "inserted", f"{_events(run.head_seq + 1, seq)} added behind the recorded end")
    elif run.head_hash not in {row.hash if row else "", true_hash}:
        # (Where only the last row's own hash was changed, that is told already, and the head still knows the true one.)
        walk.tell(seq, "head", "is not the recorded end of the run")


def _check_row(walk: _Walk) -> None:
    """Compare the run's row with what its events say; pointless when those are damaged."""
    if walk.broken:
        return
    if walk.folded is None:
        walk.tell(1, "changed", "is not run.opened")
        return
    # The number is not in the chain; the ties between runs tell whether it is right.
    told = replace(walk.folded, head_seq=walk.run.head_seq, head_hash=walk.run.head_hash)
    for each in fields(RunRow):
        listed, said = getattr(walk.run, each.name), getattr(told, each.name)
        if listed != said:
            walk.tell(0, "head", f"is listed with {each.name} {listed!r}, its events say {said!r}")


def _check_tasks(walk: _Walk, tasks: Iterable[TaskRow]) -> None:
    """Compare where tasks are said to stand with their events; pointless when those are damaged."""
    if walk.broken:
        return
    listed = {row.task: row for row in tasks}
    # By their texts: a name in the database that was changed need not be one.
    for task in sorted(walk.tasks.rows.keys() | listed.keys(), key=str):
        if walk.tasks.rows.get(task) != listed.get(task):
            walk.tell(0, "head", f"lists task {task} otherwise than its events tell")


def _check_tie(walk: _Walk, before: EventRow | None) -> None:
    if walk.opening is None or not isinstance(walk.opening.event, RunOpened | MonitorOpened):
        return
    opened = walk.opening.event
    if (opened.previous_run, opened.previous_hash) != ((before.run, before.hash) if before else (None, None)):
        walk.tell(
            1,
            "missing",
            f"follows run {opened.previous_run or '(none)'}, but the journal has "
            f"{before.run if before else '(none)'} before it: a whole run was removed, replaced or inserted",
        )


def _check_outputs(walk: _Walk, outputs: Iterable[OutputFact]) -> None:
    missing = dict(walk.recorded)
    whole = not walk.broken
    for fact in outputs:
        seq, digest = missing.pop((fact.task, fact.number, fact.stream), (0, ""))
        what = f"captured {fact.stream} of {fact.task} attempt {fact.number}"
        if not digest:
            if whole:
                walk.tell(0, "output", f"{what} belongs to no event")
        elif fact.actual != digest:
            walk.tell(seq, "output", f"the {what} was changed")
        elif fact.claimed != digest:
            walk.tell(seq, "output", f"the recorded digest of the {what} was changed")
    for (task, number, stream), (seq, _) in missing.items():
        walk.tell(seq, "output", f"the captured {stream} of {task} attempt {number} is missing")


def _events(first: int, last: int) -> str:
    return f"event {first} was" if first == last else f"events {first} to {last} were"
