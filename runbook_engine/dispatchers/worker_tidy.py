"""Tidies up what finished commands left on a worker's targets, in a thread, some at a time."""

import threading
from collections.abc import Callable, Sequence

from runbook_engine.dispatchers.queue_wire import SentOrder, read_order

AT_ONCE = 16


class Tidier:
    """Used by one thread, which takes what is to be tidied up from the database.

    Args:
        tidy: lets go of what an attempt left on its target, given its order and the facts of its run; never raises.
        say: tells people.
        wake: called, in any thread, when there may be more.

    Attributes:
        busy: it still does what it was given, and takes nothing more.
        more: there may be more, for there was as much as was asked for.
    """

    def __init__(
        self, tidy: Callable[[SentOrder, str], None], say: Callable[[str], None], wake: Callable[[], None]
    ) -> None:
        self._tidy = tidy
        self._say = say
        self._wake = wake
        self.busy = False
        self.more = False

    def begin(self, found: Sequence[tuple[str, str, str]]) -> None:
        """Tidy up after attempts: run, order and the run's facts of each."""
        self.more = False
        if found:
            self.busy = True
            threading.Thread(target=self._work, args=(found,), name="tidy", daemon=True).start()

    def _work(self, found: Sequence[tuple[str, str, str]]) -> None:
        try:
            for run, body, facts in found:
                self._one(run, body, facts)
        finally:
            self.more = len(found) >= AT_ONCE
            self.busy = False
            if self.more:
                self._wake()

    def _one(self, run: str, body: str, facts: str) -> None:
        try:
            sent = read_order(body)
        except ValueError as error:
            self._say(f"what an attempt of run {run} left can't be tidied up, for its order can't be read: {error}")
        else:
            self._tidy(sent, facts)
