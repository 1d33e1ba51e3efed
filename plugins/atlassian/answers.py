"""Reads Atlassian's answers: JSON or why not, the services' own words, and how long they ask to wait."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runbook_engine.sdk import HttpAnswer, JsonValue

from .shapes import printable

SHOWN = 500  # characters of the service's own words
_WORDS = ("errorMessages", "errorMessage", "error", "errors", "message", "detail", "fields")
_GREATEST_WAIT = 10 * 365 * 86_400.0


def json_of(answer: HttpAnswer) -> JsonValue:
    """Read an answer's JSON; an empty body (204) is None.

    Raises:
        ValueError: it is none; the message says what it is instead, without the page itself.
    """
    if answer.truncated:
        raise ValueError(f"it is longer than {len(answer.body)} bytes, of which the rest was not read")
    if not answer.body.strip():
        return None
    try:
        value: JsonValue = json.loads(answer.body)
    except (ValueError, RecursionError):
        kind = answer.headers.get("content-type", "of no stated type")[:80]
        raise ValueError(_plain(f"it is not JSON but {kind}{_title(answer.body)}")) from None
    return value


def words_of(answer: HttpAnswer) -> str:
    """Give what the service said, on one line; empty when it said nothing that is known."""
    try:
        value = json_of(answer)
    except ValueError as error:
        return str(error)
    said = dict.fromkeys(text.strip() for text in _said(value, 0) if text.strip())
    return _plain("; ".join(said))


def retry_after(answer: HttpAnswer, now: datetime) -> float | None:
    """Give the seconds that the service asks to wait, by seconds or by date; None when it doesn't.

    A date is compared with the answer's own `Date`, so that a clock that is wrong here does no harm.
    """
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text):
        return min(float(text), _GREATEST_WAIT)
    until = _date(text)
    if until is None:
        return None
    seconds = (until - (_date(answer.headers.get("date", "")) or now)).total_seconds()
    return min(max(0.0, seconds), _GREATEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _said(value: JsonValue, depth: int) -> Iterator[str]:
    """Give the texts of an error, however the service wraps them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth <= len(_WORDS):
        for item in value[:20]:
            yield from _said(item, depth + 1)
    elif isinstance(value, Mapping) and depth <= len(_WORDS):
        known = [value[key] for key in _WORDS if key in value]
        # What remains is named by the field that is wrong: {"summary": "is required"}.
        fields = [f"{key}: {item}" for key, item in value.items() if isinstance(item, str) and key not in _WORDS]
        yield from (text for item in known for text in _said(item, depth + 1))
        if not known or depth > 0:
            yield from fields[:20]


def _plain(text: str) -> str:
    """Write a text from outside on one line, without what steers a terminal."""
    return printable(" ".join(text.split()))[:SHOWN]


def _title(body: bytes) -> str:
    found = re.search(rb"<title[^>]*>([^<]{1,200})", body[:20_000], re.IGNORECASE)
    return f" ({' '.join(found.group(1).decode('utf-8', 'replace').split())[:100]!r})" if found else ""
