"""What an inventory needs of EC2, so that whoever loads it can bring the client along."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from runbook_engine.model.errors import RunbookError


class ForbiddenRegionError(RunbookError):
    """The operator's credentials may not look at the instances of a region."""


Filters: TypeAlias = Mapping[str, Sequence[str]]
Instance: TypeAlias = Mapping[str, object]
DescribeInstances: TypeAlias = Callable[[str, Filters], Iterable[Instance]]
"""Gives the instances of a region that match every filter, as EC2 describes them, with `OwnerId`, `RequesterId` and
`ReservationId` of their reservations; raises `ForbiddenRegionError` when EC2 forbids to look, another `RunbookError`
when it refuses for another reason or does not answer."""
