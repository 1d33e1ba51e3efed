"""Captured output of one attempt: head and tail of each stream are kept, the middle is counted."""

import threading

_SHARE = 2


class Capture:
    """Collects bytes by stream, never more than a limit a stream.

    Args:
        limit: greatest number of bytes kept of a stream.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head: dict[str, bytearray] = {}
        self._tail: dict[str, bytearray] = {}
        self._total: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, stream: str, data: bytes) -> None:
        """Add bytes to a stream."""
        half = self._limit // _SHARE
        with self._lock:
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
            for stream, head in self._head.items():
                tail = bytes(self._tail[stream][-half:])
                dropped = self._total[stream] - len(head) - len(tail)
                middle = f"\n[… {dropped} bytes left out …]\n".encode() if dropped else b""
                kept[stream] = bytes(head) + middle + tail
        return {stream: data for stream, data in kept.items() if data}
