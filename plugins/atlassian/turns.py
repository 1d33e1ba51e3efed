"""Lets one task at a time look at a thing of a service and then change it, among the tasks of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runbook_engine.sdk import ActionContext

_LOOK = 0.1  # seconds
_guard = threading.Lock()
_taken: set[str] = set()


@contextmanager
def alone(context: ActionContext, what: str) -> Iterator[None]:
    """Wait until nobody else is at it; the services offer nothing that two could compare and set by.

    Raises:
        DeadlineError: the step's timeout passed.
        CancelledError: the operator cancelled.
    """
    while not _take(what):
        context.pause(_LOOK)
    try:
        yield
    finally:
        with _guard:
            _taken.discard(what)


def _take(what: str) -> bool:
    with _guard:
        free = what not in _taken
        _taken.add(what)
    return free
