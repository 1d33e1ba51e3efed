"""Takes every known secret, in every form of `encodings`, out of texts, bytes, JSON and streams."""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import AnyStr

from runbook_engine.secrets.encodings import MIN_LENGTH, forms

REDACTED = "[redacted]"
# The shortest piece of a secret that is looked for at the cut of an output.
_PIECE = 6


class SecretRedactor:
    """A `Redactor`; safe to use from several threads. Costs next to nothing while there are no secrets.

    Secrets shorter than four characters are found only where they are a whole value, because their letters turn up
    everywhere by chance.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = Lock()
        self._whole: frozenset[str] = frozenset()
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Make a value known; from now on it is redacted."""
        with self._lock:
            if not secret or secret in self._whole:
                return
            self._whole |= {secret}
            if len(secret) >= MIN_LENGTH:
                self._texts = tuple({*self._texts, *forms(secret)})
                self._bytes = tuple({text.encode("utf-8", "surrogatepass") for text in self._texts})

    @property
    def idle(self) -> bool:
        """Whether no secret is known yet, so that everything would stay as it is."""
        return not self._whole

    def text(self, value: str) -> str:
        """Redact a text."""
        if value in self._whole:
            return REDACTED
        return "".join(_redacted(value, self._texts, REDACTED)) if self._texts else value

    def data(self, value: bytes) -> bytes:
        """Redact bytes (a whole stream, not a chunk of one; see `stream`)."""
        return b"".join(_redacted(value, self._bytes, REDACTED.encode())) if self._bytes else value

    def json(self, value: object) -> object:
        """Redact every text in a JSON value, keys included, and numbers that are a secret's digits."""
        if not self._whole or value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float):
            return REDACTED if repr(value) in self._whole else value
        if isinstance(value, Mapping):
            return {self.json(key): self.json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        return value

    def kept(self, value: bytes, *, whole: bool) -> bytes:
        """Redact what was kept of a stream. Unless it is whole, beginnings and ends of secrets count, too.

        Where a stream was cut is not known here, so a piece is taken out wherever it stands.
        """
        value = self.data(value)
        if whole:
            return value
        for known in sorted(self._bytes, key=len, reverse=True):
            for length in range(len(known) - 1, _PIECE - 1, -1):
                for piece in (known[:length], known[-length:]):
                    if piece in value:
                        value = value.replace(piece, REDACTED.encode())
        return value

    def settled(self, value: bytes) -> bytes:
        """Redact the end of a stream that goes on; what may be the beginning of a secret there is left out."""
        known = self._bytes
        return _given(value, _spans(value, known, 0), _open_end(value, known), REDACTED.encode()) if known else value

    @property
    def longest(self) -> int:
        """Number of bytes of the longest form that any secret is known by."""
        return max(map(len, self._bytes), default=0)

    def stream(self) -> "StreamRedactor":
        """Give a redactor for one stream that comes in chunks; it knows the secrets of this moment."""
        return StreamRedactor(self._bytes, REDACTED.encode())


class StreamRedactor:
    """Redacts one stream chunk by chunk, holding back only what may be the beginning of a secret.

    What `feed` and `close` give, joined, is what redacting the whole stream at once would give.
    """

    def __init__(self, known: Sequence[bytes], mark: bytes) -> None:
        self._known = known
        self._mark = mark
        self._held: bytes = b""
        self._covered = 0
        self._hold = max(map(len, known), default=1) - 1

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and give what is safe to write."""
        if not self._known:
            return chunk
        self._held += chunk
        return self._give(max(len(self._held) - self._hold, 0))

    def close(self) -> bytes:
        """Give what was held back."""
        return self._give(len(self._held))

    def peek(self) -> bytes:
        """Give of what is held back that which can't be the beginning of a secret; it stays held back.

        What is held back is as long as the longest secret, so that feeding costs little; whoever looks on would wait
        for it.
        """
        spans = _spans(self._held, self._known, self._covered)
        cut = _open_end(self._held, self._known)
        return _given(self._held, spans, cut, self._mark, marked=bool(self._covered))

    def _give(self, cut: int) -> bytes:
        if not cut:
            return b""
        spans = _spans(self._held, self._known, self._covered)
        given = _given(self._held, spans, cut, self._mark, marked=bool(self._covered))
        self._held = self._held[cut:]
        self._covered = max([0, *(end - cut for start, end in spans if start < cut)])
        return given


def _given(value: bytes, spans: Sequence[tuple[int, int]], cut: int, mark: bytes, *, marked: bool = False) -> bytes:
    """Give a value up to a cut with the mark in place of each secret; `marked`: the first one's was given before."""
    given: list[bytes] = []
    position = 0
    for start, end in spans:
        if start >= cut:
            break
        given.append(value[position:start])
        if not (start == 0 and marked):
            given.append(mark)
        position = min(end, cut)
    given.append(value[position:cut])
    return b"".join(given)


def _open_end(value: bytes, known: Sequence[bytes]) -> int:
    """Find where the end of a value begins that may be the beginning of a secret; its length when there is none."""
    first = len(value)
    for form in known:
        start = value.find(form[:1], max(0, len(value) - len(form) + 1))
        while 0 <= start < first:
            if form.startswith(value[start:]):
                first = start
                break
            start = value.find(form[:1], start + 1)
    return first


def _redacted(value: AnyStr, known: Sequence[AnyStr], mark: AnyStr) -> list[AnyStr]:
    """Give the pieces of a value between its secrets, with the mark for each secret."""
    pieces: list[AnyStr] = []
    position = 0
    for start, end in _spans(value, known, 0):
        pieces += [value[position:start], mark]
        position = end
    pieces.append(value[position:])
    return pieces


def _spans(value: AnyStr, known: Sequence[AnyStr], covered: int) -> list[tuple[int, int]]:
    """Find where secrets are, those that overlap made one; `covered` is known to be secret from the start."""
    found = [(0, covered)] if covered else []
    for form in known:
        start = value.find(form)
        while start >= 0:
            found.append((start, start + len(form)))
            start = value.find(form, start + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
