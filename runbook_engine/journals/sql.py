"""The journal in a database: one code for an SQLite file and for PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, select, true
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from runbook_engine.journals import sql_leases, sql_live, sql_prune, sql_verify
from runbook_engine.journals.chain import DAMAGE_HINT, Row, event_row, read_rows, sealed_text
from runbook_engine.journals.ledger import (
    Batch,
    RunRow,
    append_batch,
    check_output,
    head_of,
    open_batch,
    output_rows,
    overtaken,
    run_exists,
)
from runbook_engine.journals.pruning import read_pruning
from runbook_engine.journals.rows import decided, run_row
from runbook_engine.journals.sql_driver import MARKS, ask, within
from runbook_engine.journals.sql_errors import explain, is_final, is_undecodable, lost_connection
from runbook_engine.journals.sql_rows import (
    all_prunings,
    decided_since,
    events_after,
    find_pruning,
    find_run,
    insert_batch,
    insert_events,
    newest_pruning,
    opening_row,
    tasks_before,
    whole_run,
)
from runbook_engine.journals.sql_schema import events, next_number, outputs, prunings, runs
from runbook_engine.journals.sql_silent import SILENT_SECONDS, Patient, unheld
from runbook_engine.journals.sql_store import Store, take_time
from runbook_engine.journals.tally import tally
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import MONITOR, Actor, Event, StoredEvent, write_time
from runbook_engine.ports.journal import Also, Damage, Ears, Holder, Lease, Pruning, RunHead, Tally
from runbook_engine.ports.live import LiveOutput, Tail

_PAGE = 1000  # events read in one transaction, so that a slow reader holds nothing back


class SqlJournal(Patient):
    """Keeps runs in a database; safe to use from several threads and processes.

    Args:
        store: the database.
        now: gives the time of events in place of the store's own.
        silent_seconds: see `Patient`.
    """

    def __init__(
        self, store: Store, *, now: Callable[[], datetime] | None = None, silent_seconds: float = SILENT_SECONDS
    ) -> None:
        super().__init__(store, silent_seconds)
        self._now = now
        self._broken: JournalError | None = None
        self._unsure: dict[str, tuple[tuple[Event, ...], Batch]] = {}

    @unheld
    def open_run(self, run: str, event: Event, actor: Actor, *, lease: Lease | None = None) -> StoredEvent:
        """See `Journal.open_run`."""
        with self._writing() as connection:
            sql_leases.guard(connection, lease)
            number = next_number(connection)
            if find_run(connection, run) is not None:
                raise run_exists(run)
            before = opening_row(connection, number - 1)
            pruning = newest_pruning(connection)
            batch = open_batch(
                run,
                event,
                actor,
                time=self._time(connection),
                number=number,
                before=before,
                pruning=pruning.hash if pruning else None,
            )
            connection.execute(runs.insert(), asdict(batch.run))
            insert_events(connection, batch.rows)
        return batch.stored[0]

    @unheld
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
        captured = output_rows(run, events, outputs or {})
        if not events:
            return []
        batch: Batch | None = None
        try:
            with self._writing() as connection:
                sql_leases.guard(connection, lease)
                head = whole_run(connection, run, lock=True)
                if arrived := self._arrived(connection, run, events):
                    return arrived
                if since is not None and decided_since(connection, run, since, decided(events)):
                    raise overtaken(run)
                batch = append_batch(head, events, actor, time=self._time(connection))
                insert_batch(connection, batch, captured, tasks_before(connection, run, decided(events)))
                sql_live.settle(connection, run, [one.event for one in batch.stored])
                if also is not None:
                    within(connection, also)
        except JournalError as error:
            if batch is not None and isinstance(error.__cause__, SQLAlchemyError) and lost_connection(error.__cause__):
                self._unsure[run] = (tuple(events), batch)
            raise
        return batch.stored

    def read(self, run: str, *, after: int = 0) -> Iterator[StoredEvent]:
        """See `Journal.read`."""
        with self._reading() as connection:
            head = whole_run(connection, run)
        return self._read(head, after)

    def sealed(self, run: str) -> Iterator[str]:
        """See `Journal.sealed`."""
        with self._reading() as connection:
            head = whole_run(connection, run)
        for rows in self._pages(head, 0):
            for row in map(event_row, rows):
                yield sealed_text(row.run, row.seq, row.time, row.actor, row.body)

    def output(self, run: str, task: str, number: int) -> Mapping[str, bytes]:
        """See `Journal.output`."""
        with self._reading() as connection:
            whole_run(connection, run)
            rows = connection.execute(
                select(outputs.c.stream, outputs.c.data, outputs.c.sha256)
                .where(outputs.c.run == run, outputs.c.task == task, outputs.c.number == number)
                .order_by(outputs.c.stream)
            ).all()
        return {row.stream: check_output(run, task, number, row.stream, row.data, row.sha256) for row in rows}

    def head(self, run: str) -> RunHead | None:
        """See `Journal.head`."""
        with self._reading() as connection:
            row = find_run(connection, run)
            pruned = row is not None and find_pruning(connection, run) is not None
        return head_of(row, pruned=pruned) if row else None

    def runs(self, *, limit: int = 0, before: int = 0) -> list[RunHead]:
        """See `Journal.runs`."""
        chosen = select(runs).where(runs.c.mode != MONITOR)
        return self._listed(chosen.where(runs.c.number < before) if before else chosen, limit)

    def monitor_records(self, *, limit: int = 0) -> list[RunHead]:
        """See `Journal.monitor_records`."""
        return self._listed(select(runs).where(runs.c.mode == MONITOR), limit)

    def show(self, tails: Sequence[Tail], lease: Lease) -> None:
        """See `Journal.show`."""
        sql_live.show(self._store, tails, lease)

    def shown(self, run: str) -> list[LiveOutput]:
        """See `Journal.shown`."""
        with self._reading() as connection:
            return sql_live.shown(connection, run)

    def shown_mark(self, run: str) -> int:
        """See `Journal.shown_mark`."""
        with self._reading() as connection:
            return sql_live.shown_mark(connection, run)

    def version(self, run: str) -> int:
        """See `Journal.version`."""
        with self._reading() as connection:
            return connection.execute(select(runs.c.head_seq).where(runs.c.id == run)).scalar() or 0

    def tally(self, run: str, *, few: int = 0, by_target: bool = False) -> Tally:
        """See `Glance.tally`."""
        with self._reading() as connection:
            whole_run(connection, run)

            return tally(
                partial(ask, connection), run, mark=MARKS[connection.dialect.name], few=few, by_target=by_target
            )

    def listen(self, run: str, told: Callable[[int], None]) -> Ears | None:
        """See `Journal.listen`."""
        if self._store.is_file:
            return None
        from runbook_engine.journals.sql_listen import SqlEars

        return SqlEars(self._store, run, told)

    @unheld
    def take_lease(self, name: str, holder: Holder, seconds: float, *, take_over: bool = False) -> Lease:
        """See `Journal.take_lease`."""
        with self._writing() as connection:
            return sql_leases.take(self._store, connection, name, holder, seconds, take_over=take_over)

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """See `Journal.renew_lease`."""
        with self._writing() as connection:
            return sql_leases.renew(self._store, connection, lease, seconds)

    def release_lease(self, lease: Lease) -> None:
        """See `Journal.release_lease`."""
        with self._writing() as connection:
            sql_leases.release(connection, lease)

    def lease(self, name: str) -> Lease | None:
        """See `Journal.lease`."""
        with self._reading() as connection:
            return sql_leases.current(self._store, connection, name)

    @unheld
    def prune(self, run: str, actor: Actor, reason: str) -> Pruning:
        """See `Journal.prune`."""
        with self._writing() as connection:
            return read_pruning(sql_prune.prune(connection, run, actor, reason, time=self._time(connection)))

    def prunings(self) -> list[Pruning]:
        """See `Journal.prunings`."""
        with self._reading() as connection:
            return [read_pruning(row) for row in all_prunings(connection)]

    def compact(self) -> None:
        """See `Journal.compact`."""
        sql_prune.compact(self._store)

    def verify(self, run: str | None = None) -> list[Damage]:
        """See `Journal.verify`."""
        try:
            return self._verify(run, tolerant=False)
        except _UndecodableError:
            return self._verify(run, tolerant=True)

    def close(self) -> None:
        """See `Journal.close`."""
        self._store.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give a transaction that is durable when the block ends; nothing more is written once the disk failed."""
        if self._broken is not None:
            raise JournalError(f"{self._broken.message}; nothing was written since", hint=self._broken.hint)
        try:
            with self._store.writer.begin() as connection:
                yield connection
        except IntegrityError as error:
            raise JournalError(
                f"the journal {self._store.where} has this already, or is damaged ({error.orig})", hint=DAMAGE_HINT
            ) from error
        except SQLAlchemyError as error:
            problem = explain(error, self._store.where)
            if is_final(error):
                self._broken = problem
            raise problem from error

    @contextmanager
    def _reading(self, *, tolerant: bool = False) -> Iterator[Connection]:
        """Give a transaction that sees one state; `tolerant` also reads text that is no UTF-8 any more."""
        try:
            with self._store.reader.connect() as connection:
                if tolerant and self._store.is_file:
                    driver = connection.connection.driver_connection
                    driver.text_factory = lambda data: data.decode("utf-8", "surrogateescape")  # type: ignore[union-attr]  # sqlite3's
                    connection.detach()
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            if is_undecodable(error) and not tolerant:
                raise _UndecodableError(
                    f"the journal {self._store.where} is damaged: it holds text that is not UTF-8", hint=DAMAGE_HINT
                ) from error
            raise explain(error, self._store.where) from error

    def _listed(self, chosen: Select[Any], limit: int) -> list[RunHead]:
        query = chosen.order_by(runs.c.number.desc())
        with self._reading() as connection:
            rows = connection.execute(query.limit(limit) if limit else query).all()
            these = prunings.c.run.in_([row.id for row in rows]) if limit else true()
            pruned = set(connection.execute(select(prunings.c.run).where(these)).scalars())
        return [head_of(row, pruned=row.id in pruned) for row in map(run_row, rows)]

    def _read(self, head: RunRow, after: int) -> Iterator[StoredEvent]:
        follows: Row | None = None
        for rows in self._pages(head, after):
            yield from read_rows(rows, follows=follows)
            follows = rows[-1]

    def _pages(self, head: RunRow, after: int) -> Iterator[Sequence[Row]]:
        """Give a run's rows by the thousand at most; that none is missing at either end is seen."""
        first = True
        while True:
            try:
                rows = self._page(head.id, after, tolerant=False)
            except _UndecodableError:
                rows = self._page(head.id, after, tolerant=True)
            if first and rows and event_row(rows[0]).seq != after + 1:
                raise JournalError(f"run {head.id}, event {after + 1}: is missing", hint=DAMAGE_HINT)
            first = False
            if rows:
                yield rows
                after = rows[-1][1]
            if len(rows) < _PAGE:
                break
        if after < head.head_seq:
            raise JournalError(f"run {head.id}, event {after + 1}: is missing at the end", hint=DAMAGE_HINT)

    def _page(self, run: str, after: int, *, tolerant: bool) -> Sequence[Row]:
        with self._reading(tolerant=tolerant) as connection:
            return events_after(connection, run, after, most=_PAGE)

    def _verify(self, run: str | None, *, tolerant: bool) -> list[Damage]:
        with self._reading(tolerant=tolerant) as connection:
            take_time(connection)
            return sql_verify.verify(connection, run, is_file=self._store.is_file)

    def _arrived(self, connection: Connection, run: str, again: Sequence[Event]) -> list[StoredEvent]:
        """Give the events of a batch that is tried again though its commit, whose answer was lost, had arrived."""
        tried, batch = self._unsure.pop(run, ((), None))
        if batch is None or tried != tuple(again):
            return []
        newest = batch.rows[-1]
        query = select(events.c.hash).where(events.c.run == run, events.c.seq == newest.seq)
        return batch.stored if connection.execute(query).scalar() == newest.hash else []

    def _time(self, connection: Connection) -> str:
        return write_time(self._now() if self._now else self._store.now(connection))


class _UndecodableError(JournalError):
    """Text in the database is not UTF-8; reading it once more, tolerantly, tells which event it is."""
