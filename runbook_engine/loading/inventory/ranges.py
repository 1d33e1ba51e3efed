"""Host names with ranges and ports, as inventories write them: `web[01:10:2].example.com:2222`."""

import re
import string
from collections.abc import Callable, Sequence
from itertools import product
from math import prod

from runbook_engine.model.host_address import split_port

_RANGE = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)


def expand_host(pattern: str, *, has_room: Callable[[int], bool]) -> tuple[list[str], int | None]:
    """Give the host names that a pattern stands for, the leftmost range varying slowest, and the port.

    Args:
        pattern: what the inventory says in the place of a host name.
        has_room: asked with the number of names before they are made; on false no names are given.

    Raises:
        ValueError: a range is wrong; the message says how.
    """
    if ":" not in pattern and "[" not in pattern:
        return [pattern], None
    host, port = split_port(pattern) or (pattern, None)
    if port is None and pattern.endswith(":"):
        raise ValueError("a host name can't end in ':'; write the port behind it")
    if "[" not in host:
        return [host], port
    pieces = _RANGE.split(host)
    if any("[" in literal or "]" in literal for literal in pieces[::2]):
        raise ValueError("a bracket of a range is missing or nested")
    ranges = [_range(text) for text in pieces[1::2]]
    if not has_room(prod(len(values) for values, _ in ranges)):
        return [], port
    filled = [[str(value).zfill(width) for value in values] for values, width in ranges]
    return ["".join(_interleave(pieces[::2], chosen)) for chosen in product(*filled)], port


def _range(text: str) -> tuple[Sequence[int] | str, int]:
    """Give the values of `a:f`, `01:10` or `01:10:2`, and the width to fill up to with zeros."""
    parts = text.split(":")
    if len(parts) not in {2, 3}:
        raise ValueError(f"range [{text}] is not begin:end or begin:end:step")
    begin, end, step = parts[0] or "0", parts[1], parts[2] if parts[2:] else "1"
    if not _NUMBER.fullmatch(step) or int(step) < 1:
        raise ValueError(f"range [{text}] needs a step of 1 or more")
    if _NUMBER.fullmatch(begin) and _NUMBER.fullmatch(end):
        width = len(begin) if begin[0] == "0" and len(begin) > 1 else 0
        if width and len(end) != width:
            raise ValueError(f"range [{text}] begins with a zero, so begin and end must have the same length")
        values: Sequence[int] | str = range(int(begin), int(end) + 1, int(step))
    elif len(begin) == len(end) == 1 and begin in string.ascii_letters and end in string.ascii_letters:
        first, last = string.ascii_letters.index(begin), string.ascii_letters.index(end)
        values, width = string.ascii_letters[first : last + 1 : int(step)], 0
    else:
        raise ValueError(f"range [{text}] needs two whole numbers or two single letters")
    if not values:
        raise ValueError(f"range [{text}] is empty; its begin comes after its end")
    return values, width


def _interleave(literals: Sequence[str], chosen: Sequence[str]) -> list[str]:
    return [part for pair in zip(literals, [*chosen, ""], strict=True) for part in pair]
