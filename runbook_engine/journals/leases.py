"""The rules of leases, as functions on values: who may take one, for how long, with which fencing number."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from runbook_engine.model.errors import JournalError, LeaseError
from runbook_engine.ports.journal import Holder, Lease


@dataclass(frozen=True, slots=True)
class StoreTime:
    """The store's time.

    Attributes:
        wall: seconds since 1970.
        ticks: seconds on the clock `ticker`, which never jumps; an empty `ticker` means that there is none.
    """

    wall: float
    ticks: float = 0.0
    ticker: str = ""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A lease exactly as it is stored. It stays when it is given back (`holder` None), for `fence` must only grow."""

    name: str
    holder: Holder | None
    fence: int
    ends: StoreTime


def lease_row(name: str, holder: str | None, fence: int, expires_at: float, ticks: float, ticker: str) -> LeaseRow:
    """Read a lease as a database keeps it, its holder in JSON.

    Raises:
        JournalError: it can't be read.
    """
    try:
        found = Holder(**json.loads(holder)) if holder is not None else None
    except (TypeError, ValueError) as error:
        hint = "`runbook resume --take-over` takes it anew"
        raise JournalError(f"the lease of {name} can't be read", hint=hint) from error
    return LeaseRow(name, found, fence, StoreTime(expires_at, ticks, ticker))


def taken(
    row: LeaseRow | None,
    name: str,
    holder: Holder,
    seconds: float,
    *,
    now: StoreTime,
    take_over: bool,
    is_dead: Callable[[Holder], bool],
) -> LeaseRow:
    """Give a lease to a holder.

    Raises:
        LeaseError: another one has it.
    """
    if row is not None and not take_over and not is_free(row, now=now, is_dead=is_dead):
        until = end_of(row, now).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
        raise LeaseError(
            f"{name} is held by {row.holder} until {until}",
            hint="wait for it, or take it with --take-over if that process is surely gone",
        )
    return LeaseRow(name, holder, (row.fence if row else 0) + 1, _end(now, seconds))


def renewed(row: LeaseRow | None, lease: Lease, seconds: float, *, now: StoreTime) -> LeaseRow:
    """Hold on to a lease, also when its time was over but nobody took it.

    Raises:
        LeaseError: it was taken over, or given back.
    """
    if row is None or row.holder is None or row.fence != lease.fence:
        by = f" by {row.holder}" if row and row.holder else ""
        raise LeaseError(
            f"{lease.name} is no longer held by {lease.holder}: it was {'taken over' + by if by else 'given back'}",
            hint="another process goes on with the run; see where it stands with `runbook status`",
        )
    return replace(row, ends=_end(now, seconds))


def released(row: LeaseRow | None, lease: Lease) -> LeaseRow | None:
    """Give a lease back; None when there is nothing to change because it is no longer this one."""
    if row is None or row.holder is None or row.fence != lease.fence:
        return None
    return replace(row, holder=None)


def is_free(row: LeaseRow, *, now: StoreTime, is_dead: Callable[[Holder], bool]) -> bool:
    """Tell whether anybody may take it: given back, ended, or its holder proven dead."""
    return row.holder is None or remaining(row, now) <= 0 or is_dead(row.holder)


def remaining(row: LeaseRow, now: StoreTime) -> float:
    """Give the seconds that a lease has left, by the clock that never jumps where both know the same one."""
    if row.ends.ticker and row.ends.ticker == now.ticker:
        return row.ends.ticks - now.ticks
    return row.ends.wall - now.wall


def current(row: LeaseRow | None, *, now: StoreTime, is_dead: Callable[[Holder], bool]) -> Lease | None:
    """Give the lease that a name has now, None when anybody may take it."""
    if row is None or row.holder is None or is_free(row, now=now, is_dead=is_dead):
        return None
    return Lease(name=row.name, holder=row.holder, fence=row.fence, expires_at=end_of(row, now))


def end_of(row: LeaseRow, now: StoreTime) -> datetime:
    """Give the end of a lease by today's wall clock, whatever that showed when the lease was taken."""
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=now.wall + remaining(row, now))


def _end(now: StoreTime, seconds: float) -> StoreTime:
    return StoreTime(wall=now.wall + seconds, ticks=now.ticks + seconds, ticker=now.ticker)
