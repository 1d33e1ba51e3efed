"""Keeps the live part of runs' pages as it was written last, so that a hundred watchers cost one writing."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from runbook_engine.web.feeds import Standing
from runbook_engine.web.viewer import Viewer

_MOST = 256
_FRESH_SECONDS = 2.0  # a gate may expire, and a process end, without a word in the journal


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    standing: tuple[int, str] | None = None
    at: float = 0.0
    text: str = ""


class Fragments:
    """What was written, by run and person; safe to use from several threads.

    Args:
        mark: stands in the text for what a session's forms carry.
        now: a monotonic clock, seconds.
    """

    def __init__(self, mark: str, now: Callable[[], float] = time.monotonic) -> None:
        self._mark = mark
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()

    def ready(self, run: str, viewer: Viewer, standing: Standing | None) -> str | None:
        """Give the text if it is there and is of this standing; waits for nothing."""
        kept = self._kept.get(_key(run, viewer))
        return self._text(kept, viewer, standing) if kept is not None else None

    def write(self, run: str, viewer: Viewer, standing: Standing | None, text: Callable[[Viewer], str]) -> str:
        """Give the text; of several who come at once for the same run and person one has it written.

        Args:
            standing: as it was seen last; None where nobody watches the run, whose text is then written anew.
            text: writes it for a viewer.
        """
        key = _key(run, viewer)
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        with kept.lock:
            if (ready := self._text(kept, viewer, standing)) is not None:
                return ready
            began = self._now()
            shared = Viewer(viewer.person, viewer.name, viewer.roles, self._mark, viewer.may_act)
            made = text(shared)
            if standing is not None:
                kept.standing, kept.at, kept.text = (standing.sequence, standing.status), began, made
            return made.replace(self._mark, viewer.csrf)

    def _text(self, kept: _Kept, viewer: Viewer, standing: Standing | None) -> str | None:
        if standing is None or kept.standing != (standing.sequence, standing.status):
            return None
        text = kept.text if self._now() - kept.at < _FRESH_SECONDS else None
        return text.replace(self._mark, viewer.csrf) if text is not None else None


def _key(run: str, viewer: Viewer) -> tuple[object, ...]:
    return run, viewer.person, viewer.name, viewer.roles, viewer.may_act
