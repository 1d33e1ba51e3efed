"""Captured output of one attempt: head and tail of each stream are kept, the middle is counted."""

import codecs
import threading
from collections.abc import Callable

from runbook_engine.ports.secrets import Redactor, StreamCleaner

_SHARE = 2
_Utf8 = codecs.getincrementaldecoder("utf-8")
_CONTINUED, _LONGEST_CHARACTER = bytes(range(0x80, 0xC0)), 4  # of UTF-8: RFC 3629


class Capture:
    """Collects bytes by stream, never more than a limit a stream.

    Args:
        limit: greatest number of bytes kept of a stream.
        redactor: takes secrets out before anything is cut off.
        on_first: is called once, when the first bytes come.

    Attributes:
        came: number of bytes that came so far, by stream.
        over: the attempt ended, and nobody is to be told of what still comes.
    """

    def __init__(self, limit: int, redactor: Redactor, on_first: Callable[[], None] | None = None) -> None:
        self.came: dict[str, int] = {}
        self.over = False
        self._on_first = on_first
        self._limit = limit
        self._redactor = redactor
        self._cleaners: dict[str, StreamCleaner] = {}
        self._head: dict[str, bytearray] = {}
        self._tail: dict[str, bytearray] = {}
        self._total: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, stream: str, data: bytes) -> None:
        """Add bytes to a stream."""
        if self._on_first is not None:
            on_first, self._on_first = self._on_first, None
            on_first()
        with self._lock:
            if stream not in self._cleaners:
                self._cleaners[stream] = self._redactor.stream()
            self.came[stream] = self.came.get(stream, 0) + len(data)
            self._keep(stream, self._cleaners[stream].feed(data))

    def tail(self, stream: str, most: int) -> tuple[bytes, int]:
        """Give the end of what came so far, while more may come: whole characters, no secret and no part of one.

        It begins with a line's beginning where one is near, and lacks what may be the beginning of a secret. The number
        is that of the bytes until its end, counted without secrets as well: it must not tell how long one is.
        """
        margin = self._redactor.longest
        with self._lock:
            cleaner = self._cleaners.get(stream)
            tail, head = self._tail.get(stream, b""), self._head.get(stream, b"")
            kept = bytes(tail[-(most + 2 * margin) :])
            if len(kept) < most + 2 * margin and self._total.get(stream, 0) == len(head) + len(tail):
                kept = bytes(head[-(most + 2 * margin - len(kept)) :]) + kept
            before = self._total.get(stream, 0) - len(kept)
            is_cut = before > 0
            kept += cleaner.peek() if cleaner is not None else b""
        # A secret that became known after the stream began may stand where it is cut.
        settled = _to_the_last_character(self._redactor.settled(kept))
        shown = settled[margin if is_cut else 0 :]
        data = shown[-most:]
        return _from_a_beginning(data) if is_cut or len(shown) > most else data, before + len(settled)

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


def _to_the_last_character(data: bytes) -> bytes:
    """Leave out a part of a character at the end."""
    decoder = _Utf8("replace")
    decoder.decode(data)
    return data[: len(data) - len(decoder.getstate()[0])]


def _from_a_beginning(data: bytes) -> bytes:
    """Leave out parts of a character and of a line at the beginning, where it was cut."""
    data = data[:_LONGEST_CHARACTER].lstrip(_CONTINUED) + data[_LONGEST_CHARACTER:]
    line = data.find(b"\n", 0, len(data) // 2)
    return data[line + 1 :]
