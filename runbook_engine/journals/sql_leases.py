"""Leases in the database: the rules of `leases`, each applied within one transaction."""

import json
from dataclasses import asdict

from sqlalchemy import Connection

from runbook_engine.journals import leases
from runbook_engine.journals.holder import is_dead
from runbook_engine.journals.ledger import check_fence
from runbook_engine.journals.sql_driver import MARKS, ask, locking
from runbook_engine.journals.sql_schema import leases as table
from runbook_engine.journals.sql_store import Store
from runbook_engine.ports.journal import Holder, Lease

_COLUMNS = ", ".join(column.name for column in table.columns)


def take(store: Store, connection: Connection, name: str, holder: Holder, seconds: float, *, take_over: bool) -> Lease:
    """Take a lease; see `Journal.take_lease`."""
    # The row is made first, so that two who come at the same second meet at its lock.
    free = {"name": name, "holder": None, "fence": 0, "expires_at": 0.0, "ticks": 0.0, "ticker": ""}
    connection.execute(store.insert(table).values(free).on_conflict_do_nothing())
    row, now = _locked(connection, name), store.store_time(connection)
    mine = leases.taken(row, name, holder, seconds, now=now, take_over=take_over, is_dead=is_dead)
    _write(connection, mine)
    return Lease(name, holder, mine.fence, leases.end_of(mine, now))


def renew(store: Store, connection: Connection, lease: Lease, seconds: float) -> Lease:
    """Hold on to a lease; see `Journal.renew_lease`."""
    row, now = _locked(connection, lease.name), store.store_time(connection)
    mine = leases.renewed(row, lease, seconds, now=now)
    _write(connection, mine)
    return Lease(lease.name, lease.holder, mine.fence, leases.end_of(mine, now))


def release(connection: Connection, lease: Lease) -> None:
    """Give a lease back; see `Journal.release_lease`."""
    row = leases.released(_locked(connection, lease.name), lease)
    if row is not None:
        _write(connection, row)


def current(store: Store, connection: Connection, name: str) -> Lease | None:
    """Give the lease that a name has now; see `Journal.lease`."""
    return leases.current(_read(connection, name, lock=False), now=store.store_time(connection), is_dead=is_dead)


def guard(connection: Connection, lease: Lease | None) -> None:
    """Refuse a stale lease, and keep it from being taken over until the transaction ends.

    Raises:
        LeaseError: a newer one was given.
    """
    if lease is None:
        return
    row = _locked(connection, lease.name)
    check_fence(lease, row.fence if row else None, held=row is not None and row.holder is not None)


def _locked(connection: Connection, name: str) -> leases.LeaseRow | None:
    return _read(connection, name, lock=True)


def _read(connection: Connection, name: str, *, lock: bool) -> leases.LeaseRow | None:
    query = f"SELECT {_COLUMNS} FROM leases WHERE name = {MARKS[connection.dialect.name]}"  # noqa: S608 - our own names
    rows = ask(connection, query + (locking(connection) if lock else ""), (name,))
    return leases.lease_row(*rows[0]) if rows else None  # type: ignore[arg-type]  # as the schema says


def _write(connection: Connection, row: leases.LeaseRow) -> None:
    values = {
        "holder": json.dumps(asdict(row.holder)) if row.holder else None,
        "fence": row.fence,
        "expires_at": row.ends.wall,
        "ticks": row.ends.ticks,
        "ticker": row.ends.ticker,
    }
    connection.execute(table.update().where(table.c.name == row.name).values(values))
