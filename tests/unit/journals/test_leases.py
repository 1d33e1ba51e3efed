"""A clock that jumps neither ends a lease nor prolongs it, where a clock that never jumps is known."""

import pytest

from runbook_engine.journals.leases import StoreTime, current, is_free, released, renewed, taken
from runbook_engine.model.errors import LeaseError
from runbook_engine.ports.journal import Holder, Lease

ME = Holder(host="a", boot="x", pid=1, started=1)
OTHER = Holder(host="b", boot="y", pid=2, started=2)


def alive(_):
    return False


def at(wall, ticks, ticker="boot-1"):
    return StoreTime(wall=wall, ticks=ticks, ticker=ticker)


def take(row, now, holder=ME, *, take_over=False):
    return taken(row, "r1", holder, 30, now=now, take_over=take_over, is_dead=alive)


def test_a_jump_of_the_wall_clock_changes_nothing():
    row = take(None, at(1_000_000, 500))
    assert not is_free(row, now=at(1_000_000 + 7200, 510), is_dead=alive)
    assert not is_free(row, now=at(1_000_000 - 7200, 529.9), is_dead=alive)
    assert is_free(row, now=at(1_000_000 - 7200, 530), is_dead=alive)


def test_the_end_is_told_by_todays_wall_clock():
    row = take(None, at(1_000_000, 500))
    lease = current(row, now=at(2_000_000, 510), is_dead=alive)
    assert lease.expires_at.timestamp() == 2_000_000 + 20


def test_after_another_boot_the_wall_clock_counts():
    row = take(None, at(1_000_000, 500))
    assert not is_free(row, now=at(1_000_029, 3, "boot-2"), is_dead=alive)
    assert is_free(row, now=at(1_000_031, 3, "boot-2"), is_dead=alive)


def test_a_store_without_ticks_goes_by_its_wall_clock():
    row = take(None, at(1_000_000, 0, ""))
    assert not is_free(row, now=at(1_000_029, 0, ""), is_dead=alive)
    assert is_free(row, now=at(1_000_031, 0, ""), is_dead=alive)


def test_renewing_survives_any_jump():
    row = take(None, at(1_000_000, 500))
    lease = Lease("r1", ME, row.fence, current(row, now=at(1_000_000, 500), is_dead=alive).expires_at)
    for now in (at(9_999_999, 520), at(0, 9_000), at(5, 1, "boot-2")):
        assert is_free(renewed(row, lease, 30, now=now), now=now, is_dead=alive) is False


def test_a_dead_holder_leaves_the_lease_free():
    row = take(None, at(0, 0))
    assert is_free(row, now=at(0, 0), is_dead=lambda holder: holder == ME)
    assert current(row, now=at(0, 0), is_dead=lambda holder: holder == ME) is None


def test_taking_over_makes_the_old_lease_worthless():
    row = take(None, at(0, 0))
    old = Lease("r1", ME, row.fence, current(row, now=at(0, 0), is_dead=alive).expires_at)
    with pytest.raises(LeaseError):
        take(row, at(1, 1), OTHER)
    row = take(row, at(1, 1), OTHER, take_over=True)
    assert row.fence == 2
    assert released(row, old) is None
    with pytest.raises(LeaseError):
        renewed(row, old, 30, now=at(2, 2))
