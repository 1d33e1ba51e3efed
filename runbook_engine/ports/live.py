"""What running attempts put out, while they run: shown to whoever watches, and no evidence of anything."""

from datetime import datetime
from typing import NamedTuple

PROGRESS = "progress"
"""The stream for what an action says of itself; the others are `stdout` and `stderr`."""


class Tail(NamedTuple):
    """The end of what an attempt put out so far on one stream.

    Attributes:
        data: the newest bytes, a few thousand at most, free of secrets; whole characters at both ends.
        total: how many bytes there were until now, these included; counted without secrets, too.
    """

    run: str
    task: str
    number: int
    stream: str
    data: bytes
    total: int


class LiveOutput(NamedTuple):
    """A tail as somebody who watches the run finds it; `at` is when it was written, by the store's time."""

    task: str
    number: int
    stream: str
    data: bytes
    total: int
    at: datetime
