"""What an inventory needs of EC2, so that whoever loads it can bring the client along."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

Filters: TypeAlias = Mapping[str, Sequence[str]]
Instance: TypeAlias = Mapping[str, object]
DescribeInstances: TypeAlias = Callable[[str, Filters], Iterable[Instance]]
"""Gives the instances of a region, as EC2 describes them, that match every filter; raises `RunbookError` when EC2
refuses or does not answer."""
