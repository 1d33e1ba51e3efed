"""Keeps the head and the tail of a stream of bytes in bounded memory, and counts all of it."""

from collections import deque

HEAD_AND_TAIL = 1 << 20


class Capture:
    """What is kept of one stream: its first and last `limit` / 2 bytes.

    Attributes:
        total: bytes seen, kept or not.
    """

    def __init__(self, limit: int = HEAD_AND_TAIL) -> None:
        self.total = 0
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data[-self._half :])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= self._half:
            self._tail_bytes -= len(self._tail.popleft())

    def content(self) -> bytes:
        """Give what is kept; nothing stands where the middle was."""
        return bytes(self._head) + b"".join(self._tail)[-self._half :]


class StopWatch:
    """Tells when a text has passed in a stream, also when it came in pieces."""

    def __init__(self, text: bytes) -> None:
        self.seen = False
        self._text = text
        self._recent = b""

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if self.seen:
            return
        window = self._recent + data
        self.seen = self._text in window
        self._recent = window[-len(self._text) :]
