"""The journal: append-only events by run, the lease that lets one process advance a run, captured output."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from runbook_engine.model.event import Actor, Event, StoredEvent
from runbook_engine.ports.live import LiveOutput, Tail


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run as the journal lists it, without reading its events.

    Attributes:
        number: counts the journal's runs from 1.
        mode: the run's; `monitor` for a record of the monitor's, whose status ends as `closed`.
        status: `open` until it is closed, then run.closed's status.
        pruned: its events were removed; they are still counted in `events`.
    """

    id: str
    number: int
    runbook: str
    inventory: str
    mode: str
    opened_at: datetime
    status: str
    closed_at: datetime | None
    operator: str
    events: int
    head_hash: str
    pruned: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease: enough to tell, on the same machine, whether that process still lives.

    Attributes:
        boot: id of the machine's boot.
        started: the process's start in clock ticks since that boot, so that a reused pid is not mistaken for it.
    """

    host: str
    boot: str
    pid: int
    started: int
    user: str = ""

    def __str__(self) -> str:
        return f"{self.user}@{self.host} (pid {self.pid})"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to advance a run (or to hold a mutex); `fence` grows with every taking."""

    name: str
    holder: Holder
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Damage:
    """What verification found: the run, the event it names (0: the run as a whole), and what is wrong."""

    run: str
    seq: int
    problem: str
    kind: Literal["changed", "missing", "inserted", "swapped", "tail", "head", "output", "signature"]


@dataclass(frozen=True, slots=True)
class Pruning:
    """That a run was pruned: who removed its events and captured output, when, why, and how much it was.

    Attributes:
        outputs, output_bytes: captured streams, and their size together.
        hash: seals this record and all before it.
    """

    run: str
    at: datetime
    actor: Actor
    reason: str
    events: int
    outputs: int
    output_bytes: int
    hash: str


Also = Callable[[Any], None]  # is given the driver's own connection, in a transaction


class Tally(NamedTuple):
    """Where a run stands, in proportion to its tasks that need attention.

    Attributes:
        events: in order, all but those of tasks that ended well; of other tasks' attempts the newest event only.
        well: how many tasks ended well and have no event above, by step and outcome.
        targets: the same by target and outcome; empty unless it was asked for.
    """

    events: list[StoredEvent]
    well: Mapping[tuple[str, str], int]
    targets: Mapping[tuple[str, str], int]


class Glance(Protocol):
    """What can be asked of a journal without reading whole runs; every method may raise `JournalError`."""

    def head(self, run: str) -> RunHead | None:
        """Describe one run, None when there is none of that id."""
        ...

    def runs(self, *, limit: int = 0, before: int = 0) -> list[RunHead]:
        """List runs, newest first; 0 lists all. With `before` only those whose number is lower."""
        ...

    def monitor_records(self, *, limit: int = 0) -> list[RunHead]:
        """List the monitor's records, newest first; 0 lists all. They are kept as runs are, and are none."""
        ...

    def lease(self, name: str) -> Lease | None:
        """Give the lease of that name, None when it is free."""
        ...

    def tally(self, run: str, *, few: int = 0, by_target: bool = False) -> Tally:
        """Tell where a run stands. Every event given is checked by itself; only `read` and `verify` check the chain.

        Args:
            few: of steps with at most so many tasks, those that ended well are given, too.
            by_target: count by target as well.
        """
        ...

    def close(self) -> None:
        """Give the store back."""
        ...


class Ears(Protocol):
    """Listens to a store that tells by itself that a run has new events."""

    def close(self) -> None:
        """Listen no more."""
        ...


class Journal(Glance, Protocol):
    """Every method may raise `JournalError`; `LeaseError` where a lease is another's."""

    def open_run(self, run: str, event: Event, actor: Actor, *, lease: Lease | None = None) -> StoredEvent:
        """Begin a run with its run.opened event; the id must be new."""
        ...

    def append(
        self,
        run: str,
        events: Sequence[Event],
        actor: Actor,
        *,
        lease: Lease | None = None,
        outputs: Mapping[tuple[str, int], Mapping[str, bytes]] | None = None,
        also: Also | None = None,
        since: int | None = None,
    ) -> list[StoredEvent]:
        """Append events as one batch, durable (one fsync) when it returns.

        Args:
            lease: of the holder that advances the run; an older fence than the store's is refused (`LeaseError`) and
                nothing is written. None for what a person says.
            outputs: captured output by (task, attempt number) and stream, stored in the same transaction.
            also: writes what belongs to the events in the same transaction: both are there, or neither is. Only a
                journal in PostgreSQL can do that; any other raises `JournalError`.
            since: newest `seq` that the caller decided by. Is an event of the kinds that answers go by
                (`model.counted.DECISIVE`) newer, `OvertakenError` is raised and nothing is written.
        """
        ...

    def read(self, run: str, *, after: int = 0) -> Iterator[StoredEvent]:
        """Give a run's events in order, those with a `seq` above `after`."""
        ...

    def sealed(self, run: str) -> Iterator[str]:
        """Give of each of a run's events, in order, the very text that its hash is taken over."""
        ...

    def output(self, run: str, task: str, number: int) -> Mapping[str, bytes]:
        """Give the captured output of an attempt by stream."""
        ...

    def show(self, tails: Sequence[Tail], lease: Lease) -> None:
        """Leave for whoever watches what attempts put out so far; each tail replaces the one before it.

        It is no evidence, and need not survive a crash. It goes with the record of how its attempt ended, and with the
        end of its run. What a killed process left belongs to an attempt that is settled, or followed, under another
        number: who shows tails shows those of attempts that run, by the run's events.

        Args:
            lease: of the holder that advances the run; once it is another's, nothing is written.
        """
        ...

    def shown(self, run: str) -> list[LiveOutput]:
        """Give the tails of a run, by task, number and stream."""
        ...

    def shown_mark(self, run: str) -> int:
        """Give a number that changes when a tail of the run's is replaced, cheaply, for polling; 0 without tails."""
        ...

    def version(self, run: str) -> int:
        """Give the run's newest `seq` cheaply, for polling."""
        ...

    def listen(self, run: str, told: Callable[[int], None]) -> Ears | None:
        """Have somebody told of a run's new events, in a thread of the store's; None where it can't tell.

        What is told can get lost (the database restarts), so that `version` has to be asked now and then all the same.

        Args:
            told: is given the newest `seq`; 0 when something may have been missed, and at the beginning.
        """
        ...

    def take_lease(self, name: str, holder: Holder, seconds: float, *, take_over: bool = False) -> Lease:
        """Take a lease that is free, has ended, whose holder is proven dead, or (`take_over`) anyhow.

        Raises:
            LeaseError: another holder has it; the message says who and until when.
        """
        ...

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Hold on to a lease.

        Raises:
            LeaseError: it was taken over.
        """
        ...

    def release_lease(self, lease: Lease) -> None:
        """Give a lease back; nothing happens when it is no longer ours."""
        ...

    def prune(self, run: str, actor: Actor, reason: str) -> Pruning:
        """Remove a run's events (but its first and its run.closed) and captured output, and record that.

        What is asked of the run's events afterwards raises `PrunedRunError`; the run stays listed.

        Raises:
            JournalError: it is not over, is the newest, was pruned already, or is damaged; nothing was removed.
        """
        ...

    def prunings(self) -> list[Pruning]:
        """Give the records of all prunings, oldest first."""
        ...

    def compact(self) -> None:
        """Give the space of what was removed back to the disk; needs about as much space again for the moment."""
        ...

    def verify(self, run: str | None = None) -> list[Damage]:
        """Check the chain of one run or of all; an empty list means that nothing was changed."""
        ...
