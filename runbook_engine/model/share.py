"""Shares of a sample."""

from collections.abc import Sequence


def share_of(values: Sequence[float], share: float) -> float:
    """Give the value that this share of the others does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
