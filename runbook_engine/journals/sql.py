"""The journal in a database: one code for an SQLite file and for PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from runbook_engine.journals import sql_leases, sql_live, sql_prune
from runbook_engine.journals.chain import DAMAGE_HINT
from runbook_engine.journals.ledger import (
    Batch,
    append_batch,
    open_batch,
    output_rows,
    overtaken,
    run_exists,
)
from runbook_engine.journals.pruning import read_pruning
from runbook_engine.journals.rows import decided
from runbook_engine.journals.sql_driver import within
from runbook_engine.journals.sql_errors import explain, is_final, lost_connection
from runbook_engine.journals.sql_reader import SqlReader
from runbook_engine.journals.sql_rows import (
    decided_since,
    find_run,
    insert_batch,
    insert_events,
    newest_pruning,
    opening_row,
    tasks_before,
    whole_run,
)
from runbook_engine.journals.sql_schema import events, next_number, runs
from runbook_engine.journals.sql_silent import SILENT_SECONDS, Patient, unheld
from runbook_engine.journals.sql_store import Store
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import Actor, Event, StoredEvent, write_time
from runbook_engine.ports.journal import Also, Holder, Lease, Pruning
from runbook_engine.ports.live import Tail


class SqlJournal(SqlReader, Patient):
    """Keeps runs in a database; safe to use from several threads and processes.

    Args:
        store: the database.
        now: gives the time of events in place of the store's own.
        silent_seconds: after how long a session of a frozen process is ended that keeps this one waiting.
    """

    def __init__(
        self, store: Store, *, now: Callable[[], datetime] | None = None, silent_seconds: float = SILENT_SECONDS
    ) -> None:
        super().__init__(store)
        self._silent_seconds = silent_seconds
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

    def show(self, tails: Sequence[Tail], lease: Lease) -> None:
        """See `Journal.show`."""
        sql_live.show(self._store, tails, lease)

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

    @unheld
    def prune(self, run: str, actor: Actor, reason: str) -> Pruning:
        """See `Journal.prune`."""
        with self._writing() as connection:
            return read_pruning(sql_prune.prune(connection, run, actor, reason, time=self._time(connection)))

    def compact(self) -> None:
        """See `Journal.compact`."""
        sql_prune.compact(self._store)

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
