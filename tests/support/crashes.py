"""Ends a simulated process at one of its writes."""

from support.simulation import Killed


class CrashingJournal:
    """Ends the process before or after its n-th append (0 never)."""

    def __init__(self, inner, at: int, *, after: bool) -> None:
        self._inner = inner
        self._left = at
        self._after = after

    def append(self, *arguments, **keywords):
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        stored = self._inner.append(*arguments, **keywords)
        if self._left == 0:
            raise Killed
        return stored

    def __getattr__(self, name):
        return getattr(self._inner, name)
