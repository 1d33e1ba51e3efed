"""A quick look at a journal in a file: without the database toolkit, whose import costs more than the look."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from runbook_engine.journals import leases
from runbook_engine.journals.file import ready_file
from runbook_engine.journals.holder import is_dead, machine_time
from runbook_engine.journals.ledger import RunRow, head_of, no_such_run
from runbook_engine.journals.pruning import PruningRow, pruned_error, pruning_row
from runbook_engine.journals.rows import run_row
from runbook_engine.journals.tally import tally
from runbook_engine.model.event import MONITOR
from runbook_engine.ports.journal import Glance, Lease, RunHead, Tally

T = TypeVar("T")
_COLUMNS = ", ".join(RunRow.__slots__)
_BUSY_SECONDS = 5


class FileGlance:
    """Answers from an SQLite file (`ports.journal.Glance`).

    Whatever is out of the ordinary with the file (no tables, an older version, damage, a lock) is the whole journal's
    to answer: it upgrades, and it has the words for what is wrong.

    Args:
        path: the journal's file.
        version: of the schema that this can read.
        whole: opens the journal itself.
    """

    def __init__(self, path: Path, *, version: int, whole: Callable[[], Glance]) -> None:
        self._path = path
        self._version = version
        self._whole = whole
        self._opened: Glance | None = None

    def head(self, run: str) -> RunHead | None:
        """See `Glance.head`."""
        return self._answer(lambda ask: _head(ask, run), lambda whole: whole.head(run))

    def runs(self, *, limit: int = 0, before: int = 0) -> list[RunHead]:
        """See `Glance.runs`."""
        return self._answer(
            lambda ask: _listed(ask, "<>", limit, before), lambda whole: whole.runs(limit=limit, before=before)
        )

    def monitor_records(self, *, limit: int = 0) -> list[RunHead]:
        """See `Glance.monitor_records`."""
        return self._answer(lambda ask: _listed(ask, "=", limit), lambda whole: whole.monitor_records(limit=limit))

    def lease(self, name: str) -> Lease | None:
        """See `Glance.lease`."""
        return self._answer(lambda ask: _lease(ask, name), lambda whole: whole.lease(name))

    def tally(self, run: str, *, few: int = 0, by_target: bool = False) -> Tally:
        """See `Glance.tally`."""
        return self._answer(
            lambda ask: _tally(ask, run, few, by_target=by_target),
            lambda whole: whole.tally(run, few=few, by_target=by_target),
        )

    def close(self) -> None:
        """See `Glance.close`."""
        if self._opened is not None:
            self._opened.close()

    def _answer(self, quick: Callable[["_Ask"], T], slow: Callable[[Glance], T]) -> T:
        if self._opened is None:
            try:
                with self._reading() as ask:
                    if ask("SELECT value FROM meta WHERE key = 'schema_version'", ()) == [(self._version,)]:
                        return quick(ask)
            except (sqlite3.Error, OSError):
                # Said below, by the journal itself: it knows what each error means for a person.
                self._opened = self._whole()
        if self._opened is None:
            self._opened = self._whole()
        return slow(self._opened)

    @contextmanager
    def _reading(self) -> Iterator["_Ask"]:
        if not ready_file(self._path, create=False):
            raise FileNotFoundError(self._path)
        address = f"file:{quote(str(self._path.absolute()))}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            for setting in ("query_only = ON", "trusted_schema = OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("BEGIN")
            yield lambda query, values: connection.execute(query, tuple(values)).fetchall()
        finally:
            connection.close()


_Ask = Callable[[str, Sequence[str]], list[tuple[object, ...]]]


def _head(ask: _Ask, run: str) -> RunHead | None:
    rows = ask(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run,))  # noqa: S608 - our own names
    return head_of(run_row(rows[0]), pruned=bool(_records(ask, run))) if rows else None


def _records(ask: _Ask, run: str) -> list[tuple[object, ...]]:
    return ask(f"SELECT {', '.join(PruningRow._fields)} FROM prunings WHERE run = ?", (run,))  # noqa: S608 - our own names


def _listed(ask: _Ask, equals: str, limit: int, before: int = 0) -> list[RunHead]:
    most = f" LIMIT {limit:d}" if limit else ""
    older = f" AND number < {before:d}" if before else ""
    pruned = {run for (run,) in ask("SELECT run FROM prunings", ())}
    query = f"SELECT {_COLUMNS} FROM runs WHERE mode {equals} ?{older} ORDER BY number DESC{most}"  # noqa: S608 - our own names
    rows = map(run_row, ask(query, (MONITOR,)))
    return [head_of(row, pruned=row.id in pruned) for row in rows]


def _lease(ask: _Ask, name: str) -> Lease | None:
    rows = ask("SELECT name, holder, fence, expires_at, ticks, ticker FROM leases WHERE name = ?", (name,))
    row = leases.lease_row(*rows[0]) if rows else None  # type: ignore[arg-type]  # as the schema says
    return leases.current(row, now=machine_time(), is_dead=is_dead)


def _tally(ask: _Ask, run: str, few: int, *, by_target: bool) -> Tally:
    if _head(ask, run) is None:
        raise no_such_run(run)
    if records := _records(ask, run):
        raise pruned_error(pruning_row(records[0]))
    return tally(ask, run, mark="?", few=few, by_target=by_target)
