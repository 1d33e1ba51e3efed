"""The events that libyaml's binding gives, with the types that its stubs lack."""

from collections.abc import Callable
from typing import Any, Protocol

from yaml._yaml import CParser


class EventMark(Protocol):
    """A place in the text; everything counts from 0, in characters."""

    line: int
    column: int
    index: int


class Event(Protocol):
    """An event; which attributes besides `start_mark` there are depends on its class."""

    start_mark: EventMark
    anchor: str | None
    tag: str | None
    value: str
    implicit: tuple[bool, bool]


def event_source(text: str) -> Callable[[], Any]:
    """Give a function that gives the next event, and None after the last; it raises `yaml.YAMLError`."""
    get_event: Callable[[], Any] = CParser(text).get_event
    return get_event
