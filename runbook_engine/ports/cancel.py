"""The operator's wish that an attempt should end: an event that can also call back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CancelSignal:
    """An event that, when it is set, also does what was registered, each in a thread of its own.

    Every attempt has one, and next to none of them is ever waited for: what waiting needs is made then.
    """

    __slots__ = ("_callbacks", "_guard", "_is_set", "_left", "_waited")

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_set = False
        self._left = False
        self._waited: threading.Event | None = None
        self._callbacks: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Tell whether it was set."""
        return self._is_set

    def set(self) -> None:
        """Set the event and start the callbacks, once."""
        with self._guard:
            callbacks, self._callbacks = self._callbacks, []
            self._is_set = True
            if self._waited is not None:
                self._waited.set()
        for callback in callbacks:
            threading.Thread(target=callback, name="cancel", daemon=True).start()

    def leave(self) -> None:
        """Set the event, and do nothing of what was registered: what runs at the target is another's by now."""
        with self._guard:
            self._callbacks, self._left = [], not self._is_set
            self._is_set = True
            if self._waited is not None:
                self._waited.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most so many seconds; tells whether it is."""
        with self._guard:
            if self._is_set:
                return True
            if self._waited is None:
                self._waited = threading.Event()
            waited = self._waited
        return waited.wait(timeout)

    @contextmanager
    def when_set(self, callback: Callable[[], None]) -> Iterator[None]:
        """Within the block, do this when the event is set (at once when it is set already), but not when it is left."""
        with self._guard:
            late = self._is_set and not self._left
            if not self._is_set:
                self._callbacks.append(callback)
        if late:
            callback()
        try:
            yield
        finally:
            with self._guard:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)
