"""Shows what running attempts put out, while they run: one thread looks now and then what is new of all of them."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from runbook_engine.execution.capture import Capture
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder
from runbook_engine.ports.live import PROGRESS, LiveOutput, Tail

MOST = 4096  # bytes of a stream that are shown
FIRST = 0.5  # seconds after an attempt's first words until they are shown: most attempts have ended by then
LOOK = 0.5
SLOWEST = 3.0  # seconds between two tails of an attempt that has run for long
_AGE = 100  # an attempt's tails are as far apart as this part of its age
_SHARE = 20  # the store is written for no more than this part of the time
_LONGEST_DELAY = 30.0
_LONGEST_LINE = 300
_CLOSING = 1.0

Show = Callable[[Sequence[Tail]], None]
_Key = tuple[str, str, int]


@dataclass(slots=True)
class _Showing:
    """An attempt that put something out; `since` and `due` are monotonic times."""

    capture: Capture
    say: Callable[[str], None]
    since: float
    due: float
    shown: dict[str, int] = field(default_factory=dict)
    said: str = ""
    said_bytes: int = 0


class LiveBoard:
    """Gives the newest output of attempts to `show`, and its last line to whoever watches in this process.

    Nothing here holds back or fails an attempt: what can't be shown is tried again later, and people are told once.

    Args:
        show: leaves tails where others see them; may raise anything, and may take long.
        warn: tells people.
        by_itself: looks in a thread of its own, from an attempt's first words on; else whoever has it calls `look`.
    """

    def __init__(self, show: Show, warn: Callable[[str], None], *, clock: Clock, by_itself: bool = True) -> None:
        self._by_itself = by_itself
        self._show = show
        self._warn = warn
        self._clock = clock
        self._lock = threading.Lock()
        self._showing: dict[_Key, _Showing] = {}
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._delay = 0.0
        self._blocked_until = 0.0

    def begin(self, order: AttemptOrder, capture: Capture, say: Callable[[str], None]) -> None:
        """Show from now on what an attempt puts out.

        Args:
            say: takes its last line, as long as the action says nothing of itself.
        """
        with self._lock:
            self._of(order, capture, say)

    def said(self, order: AttemptOrder, capture: Capture, text: str) -> None:
        """Show what an action says of itself."""
        with self._lock:
            showing = self._of(order, capture, lambda _: None)
            if showing is not None:
                showing.said, showing.said_bytes = text, showing.said_bytes + 1 + len(text)

    def end(self, order: AttemptOrder, capture: Capture) -> None:
        """An attempt ended; nothing of it is said or shown after this, but for what is being written just now."""
        capture.over = True
        if self._showing:
            with self._lock:
                self._showing.pop(_key(order), None)

    def look(self) -> float:
        """Show what is new; gives the seconds until the next look."""
        began = self._clock.monotonic()
        with self._lock:
            due = [(key, showing) for key, showing in self._showing.items() if showing.due <= began]
        tails: list[Tail] = []
        for key, showing in due:
            fresh = _news(key, showing)
            tails += fresh
            line = last_line(one for one in fresh if one.stream != PROGRESS)
            with self._lock:
                if fresh:
                    showing.due = began + min(SLOWEST, max(LOOK, (began - showing.since) / _AGE))
                if line and not showing.said and key in self._showing:
                    showing.say(line)
        if tails:
            self._put(tails, due)
        spent = self._clock.monotonic() - began
        return max(LOOK, min(spent * _SHARE, _LONGEST_DELAY))

    def close(self) -> None:
        """Show nothing more."""
        self._closed.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_CLOSING)

    def _of(self, order: AttemptOrder, capture: Capture, say: Callable[[str], None]) -> _Showing | None:
        """Give what is shown of an attempt; None once it ended, whatever a thread that it left still says."""
        if capture.over:
            return None
        if self._thread is None and self._by_itself:
            self._thread = threading.Thread(target=self._work, name="live output", daemon=True)
            self._thread.start()
        if not self._wanted.is_set():
            self._wanted.set()
        now = self._clock.monotonic()
        return self._showing.setdefault(_key(order), _Showing(capture, say, now, now + FIRST))

    def _work(self) -> None:
        pause = FIRST
        while True:
            self._wanted.wait()
            if self._closed.wait(pause):
                return
            with self._lock:
                if not self._showing:
                    self._wanted.clear()
            pause = self.look()

    def _put(self, tails: Sequence[Tail], due: Sequence[tuple[_Key, _Showing]]) -> None:
        if self._clock.monotonic() < self._blocked_until:
            self._postpone(due)
            return
        try:
            self._show(tails)
        except Exception as error:  # noqa: BLE001 - whatever it is, the attempts must not notice
            if not self._delay:
                words = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
                self._warn(f"what tasks put out can't be shown to others for the moment: {words}")
            self._delay = min(max(1.0, 2 * self._delay), _LONGEST_DELAY)
            self._blocked_until = self._clock.monotonic() + self._delay
            self._postpone(due)
        else:
            self._delay = 0.0

    def _postpone(self, due: Sequence[tuple[_Key, _Showing]]) -> None:
        """Have all of it be new at the next try."""
        for _, showing in due:
            showing.shown.clear()
            showing.due = self._blocked_until


def last_line(tails: Iterable[Tail | LiveOutput]) -> str:
    """Give what an attempt says of itself, or else the last line with any words; standard output's where both have."""
    for tail in sorted(tails, key=lambda one: (one.stream != PROGRESS, one.stream != "stdout")):
        lines = tail.data.decode("utf-8", "replace").replace("\r", "\n").split("\n")
        if words := next(filter(str.strip, reversed(lines)), ""):
            return words.strip()[:_LONGEST_LINE]
    return ""


def _key(order: AttemptOrder) -> _Key:
    return order.run, order.task, order.number


def _news(key: _Key, showing: _Showing) -> list[Tail]:
    """Give the tails that are new since the last look, and take note of them."""
    fresh = []
    if showing.said_bytes != showing.shown.get(PROGRESS, 0):
        showing.shown[PROGRESS] = showing.said_bytes
        words = showing.said.encode("utf-8", "replace")[:MOST].decode("utf-8", "ignore").encode()
        fresh.append(Tail(*key, PROGRESS, words, showing.said_bytes))
    for stream, came in sorted(showing.capture.came.items()):
        if came != showing.shown.get(stream):
            showing.shown[stream] = came
            data, until = showing.capture.tail(stream, MOST)
            if data:
                fresh.append(Tail(*key, stream, data, until))
    return fresh
