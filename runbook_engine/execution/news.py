"""What was heard of the journal since the last look at it, so that nobody has to ask it four times a second."""

from collections.abc import Callable


class News:
    """Takes what the journal's store tells in a thread of its own, for the loop to ask.

    Attributes:
        hears: whether the store tells at all. What it tells can get lost, so that looks are needed all the same.
        known: the newest `seq` that the loop knows.
    """

    def __init__(self) -> None:
        self.hears = False
        self.known = 0
        self.on_news: Callable[[], None] | None = None
        self._newest = 0
        self._missed = False

    def hear(self, seq: int) -> None:
        """Take note that a run's newest event is this one; 0: something may have been missed."""
        if seq == 0:
            self._missed = True
        elif seq <= self.known:
            return  # our own
        self._newest = max(self._newest, seq)
        if self.on_news is not None:
            self.on_news()

    def taken(self) -> bool:
        """Tell whether there is anything that the loop does not know; asked once, it counts as looked at."""
        missed, self._missed = self._missed, False
        return missed or self._newest > self.known
