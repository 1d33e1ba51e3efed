"""A journal in memory: the same contract as the stored ones, for tests and rehearsals; it ends with its process."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic

from runbook_engine.journals import leases
from runbook_engine.journals.chain import EventRow, label, read_row, read_time, sealed_text
from runbook_engine.journals.holder import is_dead
from runbook_engine.journals.ledger import (
    Batch,
    RunRow,
    append_batch,
    check_fence,
    check_output,
    head_of,
    no_company,
    no_such_run,
    open_batch,
    output_rows,
    overtaken,
    run_exists,
)
from runbook_engine.journals.pruning import (
    PruningRow,
    check_prunable,
    kept_rows,
    make_pruning,
    pruned_error,
    read_pruning,
)
from runbook_engine.journals.rows import ATTEMPT_KINDS, WELL, decided, is_overtaken, task_rows, without
from runbook_engine.journals.verify import OutputFact, verify_numbers, verify_run
from runbook_engine.journals.verify_pruned import verify_order, verify_pruned, verify_records
from runbook_engine.model.errors import KeptRunError
from runbook_engine.model.event import MONITOR, Actor, AttemptFinished, Event, RunClosed, StoredEvent, write_time
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.journal import Also, Damage, Ears, Holder, Lease, Pruning, RunHead, Tally
from runbook_engine.ports.live import LiveOutput, Tail


class MemoryJournal:
    """Keeps everything in this process; safe to use from several threads.

    Args:
        clock: gives the store's time, so that a test can move it; the machine's when None.
        dead: tells whether a lease's holder is proven dead.
    """

    def __init__(self, clock: Clock | None = None, *, dead: Callable[[Holder], bool] = is_dead) -> None:
        self._clock = clock
        self._dead = dead
        self._lock = threading.RLock()
        self._runs: dict[str, RunRow] = {}
        self._rows: dict[str, list[EventRow]] = {}
        self._outputs: dict[tuple[str, str, int, str], tuple[bytes, str]] = {}
        self._leases: dict[str, leases.LeaseRow] = {}
        self._prunings: dict[str, PruningRow] = {}
        self._shown: dict[tuple[str, str, int, str], LiveOutput] = {}

    def open_run(self, run: str, event: Event, actor: Actor, *, lease: Lease | None = None) -> StoredEvent:
        """See `Journal.open_run`."""
        with self._lock:
            self._check_fence(lease)
            if run in self._runs:
                raise run_exists(run)
            before = next(reversed(self._rows.values()))[0] if self._rows else None
            pruning = next(reversed(self._prunings.values())).hash if self._prunings else None
            batch = open_batch(
                run, event, actor, time=self._time(), number=len(self._runs) + 1, before=before, pruning=pruning
            )
            self._rows[run] = []
            self._keep(batch)
            return batch.stored[0]

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
        """See `Journal.append`."""
        if also is not None:
            raise no_company()
        captured = output_rows(run, events, outputs or {})
        with self._lock:
            self._check_fence(lease)
            head = self._whole(run)
            if since is not None and is_overtaken(self._rows[run][since:], decided(events)):
                raise overtaken(run)
            batch = append_batch(head, events, actor, time=self._time())
            if taken := [key for *key, _, _ in captured if tuple(key) in self._outputs]:
                raise run_exists(f"{run} with output of {taken[0]}")
            for *key, data, digest in captured:
                self._outputs[tuple(key)] = (data, digest)  # type: ignore[index]  # (run, task, number, stream)
            self._keep(batch)
            ended = {event.task for event in events if isinstance(event, AttemptFinished)}
            over = any(isinstance(event, RunClosed) for event in events)
            self._forget_shown(lambda tail: tail[0] == run and (over or tail[1] in ended))
            return batch.stored

    def read(self, run: str, *, after: int = 0) -> Iterator[StoredEvent]:
        """See `Journal.read`."""
        with self._lock:
            self._whole(run)
            rows = self._rows[run][after:]
            before = self._rows[run][after - 1] if 0 < after <= len(self._rows[run]) else None
        for row in rows:
            yield read_row(row, follows=before)
            before = row

    def sealed(self, run: str) -> Iterator[str]:
        """See `Journal.sealed`."""
        with self._lock:
            self._whole(run)
            rows = list(self._rows[run])
        for row in rows:
            yield sealed_text(row.run, row.seq, row.time, row.actor, row.body)

    def output(self, run: str, task: str, number: int) -> Mapping[str, bytes]:
        """See `Journal.output`."""
        with self._lock:
            self._whole(run)
            return {
                key[3]: check_output(run, task, number, key[3], data, digest)
                for key, (data, digest) in self._outputs.items()
                if key[:3] == (run, task, number)
            }

    def head(self, run: str) -> RunHead | None:
        """See `Journal.head`."""
        with self._lock:
            return head_of(self._runs[run], pruned=run in self._prunings) if run in self._runs else None

    def runs(self, *, limit: int = 0, before: int = 0) -> list[RunHead]:
        """See `Journal.runs`."""
        return self._listed(limit, monitors=False, before=before)

    def monitor_records(self, *, limit: int = 0) -> list[RunHead]:
        """See `Journal.monitor_records`."""
        return self._listed(limit, monitors=True)

    def tally(self, run: str, *, few: int = 0, by_target: bool = False) -> Tally:
        """See `Glance.tally`."""
        events = list(self.read(run))
        rows = task_rows(events)
        sizes = Counter(row.step for row in rows.values())
        well = [row for row in rows.values() if row.outcome in WELL and sizes[row.step] > few]
        told = {row.task for row in well}
        telling = {row.seq for row in rows.values() if row.task not in told}
        return Tally(
            events=without(
                (one for one in events if one.event.kind not in ATTEMPT_KINDS or one.seq in telling),
                told,
                {row.task: row.seq for row in rows.values()},
            ),
            well=Counter((row.step, row.outcome) for row in well),
            targets=Counter((row.target, row.outcome) for row in well if by_target),
        )

    def show(self, tails: Sequence[Tail], lease: Lease) -> None:
        """See `Journal.show`."""
        with self._lock:
            row, at = self._leases.get(lease.name), read_time(self._time())
            for run, task, number, stream, data, total in tails:
                newest = task_rows(self.read(run)).get(label(task))
                runs = newest is not None and newest.kind == "attempt.started"
                if runs and row is not None and row.holder is not None and row.fence == lease.fence:
                    self._shown[run, task, number, stream] = LiveOutput(task, number, stream, data, total, at)

    def shown(self, run: str) -> list[LiveOutput]:
        """See `Journal.shown`."""
        with self._lock:
            return [tail for key, tail in sorted(self._shown.items()) if key[0] == run]

    def shown_mark(self, run: str) -> int:
        """See `Journal.shown_mark`."""
        return sum(1 + tail.total for tail in self.shown(run))

    def version(self, run: str) -> int:
        """See `Journal.version`."""
        with self._lock:
            return self._runs[run].head_seq if run in self._runs else 0

    def listen(self, run: str, told: Callable[[int], None]) -> Ears | None:
        """See `Journal.listen`."""
        del run, told
        return None

    def take_lease(self, name: str, holder: Holder, seconds: float, *, take_over: bool = False) -> Lease:
        """See `Journal.take_lease`."""
        with self._lock:
            now = self._store_time()
            row = leases.taken(
                self._leases.get(name), name, holder, seconds, now=now, take_over=take_over, is_dead=self._dead
            )
            self._leases[name] = row
            return Lease(name, holder, row.fence, leases.end_of(row, now))

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """See `Journal.renew_lease`."""
        with self._lock:
            now = self._store_time()
            row = leases.renewed(self._leases.get(lease.name), lease, seconds, now=now)
            self._leases[lease.name] = row
            return Lease(lease.name, lease.holder, row.fence, leases.end_of(row, now))

    def release_lease(self, lease: Lease) -> None:
        """See `Journal.release_lease`."""
        with self._lock:
            row = leases.released(self._leases.get(lease.name), lease)
            if row is not None:
                self._leases[lease.name] = row

    def lease(self, name: str) -> Lease | None:
        """See `Journal.lease`."""
        with self._lock:
            return leases.current(self._leases.get(name), now=self._store_time(), is_dead=self._dead)

    def prune(self, run: str, actor: Actor, reason: str) -> Pruning:
        """See `Journal.prune`."""
        with self._lock:
            head, (newest, rows) = self._run(run), next(reversed(self._rows.items()))
            check_prunable(head, rows[0], self._prunings.get(run))
            if damages := self.verify(run):
                raise KeptRunError(f"run {run} is not pruned, because it is damaged: {damages[0].problem}")
            kept = kept_rows(self._rows[run])
            outputs = [key for key in self._outputs if key[0] == run]
            record = make_pruning(
                head,
                kept,
                [len(self._outputs[key][0]) for key in outputs],
                newest=(self._runs[newest].number, rows[0]),
                actor=actor,
                reason=reason,
                time=self._time(),
                before=next(reversed(self._prunings.values()), None),
            )
            for key in outputs:
                del self._outputs[key]
            self._forget_shown(lambda tail: tail[0] == run)
            self._rows[run], self._prunings[run] = list(kept), record
            return read_pruning(record)

    def prunings(self) -> list[Pruning]:
        """See `Journal.prunings`."""
        with self._lock:
            return [read_pruning(record) for record in self._prunings.values()]

    def compact(self) -> None:
        """See `Journal.compact`; what was removed from here is free already."""

    def verify(self, run: str | None = None) -> list[Damage]:
        """See `Journal.verify`."""
        with self._lock:
            if run is not None:
                self._run(run)
            damages: list[Damage] = []
            before: EventRow | None = None
            for each in self._runs.values():
                if run in {None, each.id} and (record := self._prunings.get(each.id)) is not None:
                    left = sum(key[0] == each.id for key in self._outputs)
                    damages += verify_pruned(each, self._rows[each.id], left, record, before=before)
                elif run in {None, each.id}:
                    damages += verify_run(
                        each,
                        self._rows[each.id],
                        self._facts(each.id),
                        task_rows(self.read(each.id)).values(),
                        before=before,
                    )
                before = self._rows[each.id][0]
            if run is None:
                damages += verify_numbers(list(self._runs.values()), len(self._runs), {})
                records = list(self._prunings.values())
                damages += verify_records(records, self._runs)
                damages += verify_order([(each, self._rows[each.id][0]) for each in self._runs.values()], records)
            return damages

    def close(self) -> None:
        """See `Journal.close`; what it holds stays readable."""

    def _forget_shown(self, gone: Callable[[tuple[str, str, int, str]], bool]) -> None:
        self._shown = {key: tail for key, tail in self._shown.items() if not gone(key)}

    def _facts(self, run: str) -> Iterator[OutputFact]:
        for (owner, task, number, stream), (data, digest) in self._outputs.items():
            if owner == run:
                yield OutputFact(task, number, stream, digest, sha256(data).hexdigest())

    def _listed(self, limit: int, *, monitors: bool, before: int = 0) -> list[RunHead]:
        with self._lock:
            rows = [run for run in reversed(self._runs.values()) if (run.mode == MONITOR) == monitors]
            rows = [run for run in rows if not before or run.number < before]
            newest_first = [head_of(run, pruned=run.id in self._prunings) for run in rows]
        return newest_first[:limit] if limit else newest_first

    def _whole(self, run: str) -> RunRow:
        if run in self._prunings:
            raise pruned_error(self._prunings[run])
        return self._run(run)

    def _run(self, run: str) -> RunRow:
        if run not in self._runs:
            raise no_such_run(run)
        return self._runs[run]

    def _keep(self, batch: Batch) -> None:
        self._runs[batch.run.id] = batch.run
        self._rows[batch.run.id] += batch.rows

    def _check_fence(self, lease: Lease | None) -> None:
        row = self._leases.get(lease.name) if lease else None
        check_fence(lease, row.fence if row else None, held=row is not None and row.holder is not None)

    def _time(self) -> str:
        return write_time(self._clock.now() if self._clock else datetime.now(UTC))

    def _store_time(self) -> leases.StoreTime:
        if self._clock:
            return leases.StoreTime(self._clock.now().timestamp(), self._clock.monotonic(), "clock")
        return leases.StoreTime(datetime.now(UTC).timestamp(), monotonic(), "process")
