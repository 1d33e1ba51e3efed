"""Captured output of one attempt: head and tail of each stream are kept, the middle is counted."""

import threading

from runbook_engine.ports.secrets import Redactor, StreamCleaner

_SHARE = 2


class Capture:
    """Collects bytes by stream, never more than a limit a stream.

    Args:
        limit: greatest number of bytes kept of a stream.
        redactor: takes secrets out before anything is cut off.
    """

    def __init__(self, limit: int, redactor: Redactor) -> None:
        self._limit = limit
        self._redactor = redactor
        self._cleaners: dict[str, StreamCleaner] = {}
        self._head: dict[str, bytearray] = {}
        self._tail: dict[str, bytearray] = {}
        self._total: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, stream: str, data: bytes) -> None:
        """Add bytes to a stream."""
        with self._lock:
            if stream not in self._cleaners:
                self._cleaners[stream] = self._redactor.stream()
            self._keep(stream, self._cleaners[stream].feed(data))

    def _keep(self, stream: str, data: bytes) -> None:
        half = self._limit // _SHARE
        if data:
            self._total[stream] = self._total.get(stream, 0) + len(data)
            head = self._head.setdefault(stream, bytearray())
            tail = self._tail.setdefault(stream, bytearray())
            room = half - len(head)
            head += data[:room]
            tail += data[room:] if room > 0 else data
            if len(tail) > 2 * half:
                del tail[:-half]

    def streams(self) -> dict[str, bytes]:
        """Give what was kept; a line in the middle says how much was left out."""
        half = self._limit // _SHARE
        kept: dict[str, bytes] = {}
        with self._lock:
            for stream, cleaner in self._cleaners.items():
                self._keep(stream, cleaner.close())
            self._cleaners = {}
            for stream, head in self._head.items():
                tail = bytes(self._tail[stream][-half:])
                dropped = self._total[stream] - len(head) - len(tail)
                middle = f"\n[… {dropped} bytes left out …]\n".encode() if dropped else b""
                kept[stream] = bytes(head) + middle + tail
        return {stream: data for stream, data in kept.items() if data}
