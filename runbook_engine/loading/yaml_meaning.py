"""What a YAML text says, apart from how it is laid out: its events; and what of it is no value: its comments."""

import re
from collections.abc import Iterator

import yaml

from runbook_engine.loading.yaml_events import event_source

COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)
"""A comment, in a text without its scalars."""

_VISIBLE = re.compile(r"[^\r\n]")
_BLOCK = ("|", ">")


def meaning(text: str) -> list[tuple[object, ...]]:
    """Give the events of a text without their places; two texts say the same when these are equal.

    Whether a scalar is quoted counts, because readers take plain ones for numbers and the like.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    found: list[tuple[object, ...]] = []
    next_event = event_source(text)
    while (event := next_event()) is not None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            found.append((kind, event.anchor, event.tag, event.implicit[0], event.value))
        elif isinstance(event, yaml.CollectionStartEvent):
            found.append((kind, event.anchor, event.tag))
        elif kind is yaml.AliasEvent:
            found.append((kind, event.anchor))
        else:
            found.append((kind,))
    return found


def without_scalars(text: str) -> str:
    """Give a text with spaces in place of its scalars; lines and columns stay. Heads of block scalars stay, too.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    parts: list[str] = []
    done = 0
    for start, end in _scalars(text):
        parts += (text[done:start], _VISIBLE.sub(" ", text[start:end]))
        done = end
    return "".join(parts) + text[done:]


def lines_that_end_in_scalars(text: str) -> frozenset[int]:
    """Give the lines, counted from 0, whose end is part of a scalar, so that spaces before it may mean something.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    found: set[int] = set()
    line = done = 0
    for start, end in _scalars(text):
        line += text.count("\n", done, start)
        more = text.count("\n", start, end)
        found.update(range(line, line + more))
        line, done = line + more, end
    return frozenset(found)


def comments(text: str) -> list[str]:
    """Give the comments of a text, in order.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return [found.rstrip() for found in COMMENT.findall(without_scalars(text))]


def _scalars(text: str) -> Iterator[tuple[int, int]]:
    """Give where scalars begin and end; block scalars from the end of their head on, behind which a comment may be."""
    next_event = event_source(text)
    while (event := next_event()) is not None:
        if type(event) is not yaml.ScalarEvent or event.start_mark is None or event.end_mark is None:
            continue
        start, end = event.start_mark.index, event.end_mark.index
        if event.style in _BLOCK:
            head = text.find("\n", start, end)
            start = head if head >= 0 else end
        yield start, end
