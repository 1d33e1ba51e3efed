"""The hash chain: how an event becomes a row that can't be changed unseen, and how a row becomes an event again."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from pydantic import ValidationError

from runbook_engine.journals.event_text import event_text, first_line, writable
from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import EVENT, Actor, Event, StoredEvent, write_time
from runbook_engine.model.json import canonical_json

DAMAGE_HINT = "run `runbook audit verify` to see all that was changed, and keep the journal as it is: it is evidence"


class EventRow(NamedTuple):
    """An event exactly as it is stored: `actor` and `body` are canonical JSON, `time` is ISO-8601 UTC."""

    run: str
    seq: int
    time: str
    actor: str
    kind: str
    body: str
    previous: str
    hash: str


# A row as the database gives it: of these types, unless somebody changed it.
Row = tuple[str, int, str, str, str, str, str, str]
_EVENT_TYPES = (str, int, *[str] * 6)


def event_row(row: Sequence[object]) -> EventRow:
    """Give an event's row; a value of a wrong type becomes one that no hash fits."""
    if tuple(map(type, row)) == _EVENT_TYPES:
        return EventRow._make(row)
    run, seq, *texts = row
    return EventRow(as_text(run), seq if isinstance(seq, int) else -1, *[as_text(text) for text in texts])


def as_text(value: object) -> str:
    """Give a text as it is, and anything else as what it looks like."""
    return value if isinstance(value, str) else repr(value)


def genesis(run: str) -> str:
    """Give what stands in place of a previous hash before a run's first event."""
    return hashlib.sha256(_bytes(run)).hexdigest()


def seal(run: str, seq: int, time: str, actor: str, body: str, previous: str) -> str:
    """Give the hash of an event: SHA-256 of the previous hash and the canonical JSON of all that is recorded.

    `actor` and `body` are canonical already, and the keys below stand in sorted order, so putting the texts together
    gives the canonical JSON of the whole without writing it twice.
    """
    return chained(previous, sealed_text(run, seq, time, actor, body))


def sealed_text(run: str, seq: int, time: str, actor: str, body: str) -> str:
    """Give the canonical JSON of all that is recorded of an event; what `seal` hashes behind the previous hash."""
    return f'{{"actor":{actor},"event":{body},"run":{_quoted(run)},"seq":{seq},"time":"{time}"}}'


def chained(previous: str, text: str) -> str:
    """Give the hash of an event from its `sealed_text`."""
    return hashlib.sha256(_bytes(previous + text)).hexdigest()


def row_of(text: str, previous: str) -> EventRow:
    """Give the row that has this `sealed_text` and follows that hash.

    Raises:
        JournalError: the text is not an event's canonical JSON.
    """
    try:
        whole = json.loads(text)
        run, seq, time, kind = whole["run"], whole["seq"], whole["time"], whole["event"]["kind"]
        actor, body = canonical_json(whole["actor"]), canonical_json(whole["event"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise JournalError("a line that is no event of a journal") from error
    if sealed_text(run, seq, time, actor, body) != text:
        raise JournalError("an event that is written otherwise than a journal writes it")
    return EventRow(run, seq, time, actor, kind, body, previous, chained(previous, text))


def make_row(run: str, seq: int, time: str, actor: Actor, event: Event, previous: str) -> tuple[EventRow, StoredEvent]:
    """Turn an event into its row and into what a reader of the row will see.

    Raises:
        JournalError: the event holds something that JSON can't say.
    """
    return next(make_rows(run, seq, time, actor, [event], previous))


def make_rows(
    run: str, seq: int, time: str, actor: Actor, events: Iterable[Event], previous: str
) -> Iterator[tuple[EventRow, StoredEvent]]:
    """Turn a batch of events into rows, each following the one before it; see `make_row`.

    Args:
        seq: of the first.
        previous: hash of the event before the first.
    """
    actor_text, moment = _actor_text(actor), read_time(time)
    for number, original in enumerate(events, seq):
        event, body = event_text(original)
        digest = seal(run, number, time, actor_text, body, previous)
        yield (
            EventRow(run, number, time, actor_text, event.kind, body, previous, digest),
            StoredEvent(run, number, moment, actor, event, previous, digest),
        )
        previous = digest


def read_row(row: EventRow, *, follows: EventRow | None) -> StoredEvent:
    """Turn a row into its event.

    Args:
        follows: the row before it; None when that one was not read, or for the first.

    Raises:
        JournalError: the row is not what was written; the message names the event.
    """
    return next(read_rows((row,), follows=follows))


def read_rows(rows: Iterable[Row], *, follows: Row | None) -> Iterator[StoredEvent]:
    """Turn rows into their events, each following the one before it; see `read_row`.

    Args:
        rows: rows of the table as the database gives them. They are by the 100,000 when a long run goes on, so that
            no value's type is looked at before it fails to be what it should.
    """
    for row in rows:
        try:
            stored = _read(row, follows)
        except TypeError as error:
            raise _damaged(event_row(row), "its content or its hash was changed") from error
        yield stored
        follows = row


def _read(row: Row, follows: Row | None) -> StoredEvent:
    """Turn one row into its event.

    Raises:
        JournalError: it is not what was written.
        TypeError: nor are the types of its values.
    """
    run, seq, time, actor, _, body, previous, digest = row
    if digest != seal(run, seq, time, actor, body, previous):
        raise _damaged(event_row(row), "its content or its hash was changed")
    if follows is not None and seq != follows[1] + 1:
        raise _damaged(event_row(row), f"the {seq - follows[1] - 1} before it are missing")
    if previous != (genesis(run) if seq == 1 else follows[-1] if follows is not None else previous):
        raise _damaged(event_row(row), "it does not follow the event before it")
    try:
        return StoredEvent(run, seq, read_time(time), _read_actor(actor), _read_event(body), previous, digest)
    except ValueError as error:
        raise _damaged(event_row(row), f"it can't be read ({first_line(error)})") from error


@lru_cache(maxsize=64)
def read_time(text: str) -> datetime:
    """Read what `write_time` wrote.

    Raises:
        ValueError: it is not such a time.
    """
    moment = datetime.fromisoformat(text)
    if not text.endswith("Z") or write_time(moment) != text:  # (of another zone, it may be before or after all times)
        message = f"{text!r} is not a time as the journal writes it"
        raise ValueError(message)
    return moment


def label(text: str) -> str:
    """Give a text in the form that every database can hold: no NUL, no lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


@lru_cache(maxsize=64)
def _quoted(run: str) -> str:
    return canonical_json(run)


@lru_cache(maxsize=256)
def _actor_text(actor: Actor) -> str:
    return canonical_json(writable(actor.model_dump(mode="json")))


@lru_cache(maxsize=256)
def _read_actor(text: str) -> Actor:
    return Actor.model_validate_json(text)


def _read_event(body: str) -> Event:
    try:
        return EVENT.validator.validate_json(body)  # type: ignore[no-any-return]  # of the union, as the adapter's own
    except ValidationError:
        # The JSON reader gives up at a lesser depth than the models do: what could be written must be readable.
        try:
            return EVENT.validate_python(json.loads(body))
        except RecursionError:
            message = "it is nested too deeply"
            raise ValueError(message) from None


def _damaged(row: EventRow, problem: str) -> JournalError:
    return JournalError(f"run {row.run}, event {row.seq}: damaged, {problem}", hint=DAMAGE_HINT)


def _bytes(text: str) -> bytes:
    """Encode for hashing; damaged text may hold surrogates, which must change the hash instead of failing."""
    return text.encode("utf-8", "surrogatepass")
