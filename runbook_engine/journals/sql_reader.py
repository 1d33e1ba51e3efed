"""What a journal in a database is asked: runs, events, captured output, where a run stands, whether all is whole."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, select, true
from sqlalchemy.exc import SQLAlchemyError

from runbook_engine.journals import sql_leases, sql_live, sql_verify
from runbook_engine.journals.chain import DAMAGE_HINT, Row, event_row, read_rows, sealed_text
from runbook_engine.journals.ledger import (
    RunRow,
    check_output,
    head_of,
)
from runbook_engine.journals.pruning import read_pruning
from runbook_engine.journals.rows import run_row
from runbook_engine.journals.sql_driver import MARKS, ask
from runbook_engine.journals.sql_errors import explain, is_undecodable
from runbook_engine.journals.sql_rows import (
    all_prunings,
    events_after,
    find_pruning,
    find_run,
    whole_run,
)
from runbook_engine.journals.sql_schema import outputs, prunings, runs
from runbook_engine.journals.sql_store import Store, take_time
from runbook_engine.journals.tally import tally
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import MONITOR, StoredEvent
from runbook_engine.ports.journal import Damage, Ears, Lease, Pruning, RunHead, Tally
from runbook_engine.ports.live import LiveOutput

_PAGE = 1000  # events read in one transaction, so that a slow reader holds nothing back


class SqlReader:
    """Reads runs from a database; safe to use from several threads.

    Args:
        store: the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

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

    def lease(self, name: str) -> Lease | None:
        """See `Journal.lease`."""
        with self._reading() as connection:
            return sql_leases.current(self._store, connection, name)

    def prunings(self) -> list[Pruning]:
        """See `Journal.prunings`."""
        with self._reading() as connection:
            return [read_pruning(row) for row in all_prunings(connection)]

    def verify(self, run: str | None = None) -> list[Damage]:
        """See `Journal.verify`."""
        try:
            return self._verify(run, tolerant=False)
        except _UndecodableError:
            return self._verify(run, tolerant=True)

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


class _UndecodableError(JournalError):
    """Text in the database is not UTF-8; reading it once more, tolerantly, tells which event it is."""
