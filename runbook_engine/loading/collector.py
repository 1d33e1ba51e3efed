"""Holds the cyclic garbage collector off while one large structure is built."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# From Python 3.12 on an interpreter begins with some.
_FROZEN_AT_FIRST = gc.get_freeze_count()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector: many small containers would make it walk over them all again and again.

    What was built meanwhile is then taken for old, as it would have been by and by: without that, the next
    allocation would begin with a walk over all of it. It is collected like anything that is old.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if gc.get_freeze_count() <= _FROZEN_AT_FIRST:  # else somebody else froze objects, and wants them to stay so
                gc.freeze()
                gc.unfreeze()
            gc.enable()
