"""Numbers and percentages of targets: batches, and how many failures are tolerated; pure."""

from collections.abc import Sequence


def resolve(amount: int | str, of: int, *, least: int) -> int:
    """Give a number for a number or a percentage, never less than `least`; fractions are cut off."""
    if isinstance(amount, int):
        return max(amount, least)
    return max(int(amount.rstrip("%")) * of // 100, least)


def batches(amounts: Sequence[int | str], targets: int) -> tuple[int, ...]:
    """Cut a number of targets into batches; the last amount repeats until all have a place (Ansible's `serial`).

    >>> batches([1, "25%", "100%"], 10)
    (1, 2, 7)
    """
    if not amounts:
        return (targets,) if targets else ()
    sizes: list[int] = []
    left = targets
    while left:
        amount = amounts[min(len(sizes), len(amounts) - 1)]
        size = min(left, resolve(amount, targets, least=1))
        sizes.append(size)
        left -= size
    return tuple(sizes)
