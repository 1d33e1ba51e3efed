"""The operator's wish that an attempt should end: an event that can also call back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CancelSignal(threading.Event):
    """An event that, when it is set, also does what was registered, each in a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._callbacks: list[Callable[[], None]] = []
        self._guard = threading.Lock()

    def set(self) -> None:
        """Set the event and start the callbacks, once."""
        with self._guard:
            callbacks, self._callbacks = self._callbacks, []
            super().set()
        for callback in callbacks:
            threading.Thread(target=callback, name="cancel", daemon=True).start()

    @contextmanager
    def when_set(self, callback: Callable[[], None]) -> Iterator[None]:
        """Within the block, do this when the event is set (at once when it is set already)."""
        with self._guard:
            late = self.is_set()
            if not late:
                self._callbacks.append(callback)
        if late:
            callback()
        try:
            yield
        finally:
            with self._guard:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)
