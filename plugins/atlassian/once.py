"""Asks for what must not be made twice: when the answer is lost, looks for it before anybody asks again."""

from collections.abc import Callable
from typing import TypeVar

from runbook_engine.sdk import ActionContext, JsonValue

from .errors import LostAnswerError, RefusedError

T = TypeVar("T")
_LOOKS = (1.0, 3.0, 6.0)  # seconds before each look: a request that was received may take its time


def found_or_asked(
    context: ActionContext, look: Callable[[], JsonValue], send: Callable[[], JsonValue]
) -> tuple[JsonValue, bool]:
    """Give what an earlier attempt made, or ask for it once; and whether it was asked for now.

    Args:
        look: gives it by its mark, None when it is not there.
        send: asks for it, with the mark.

    Raises:
        LostAnswerError: it was asked for and is not there so far.
    """
    found = look()
    return (found, False) if found is not None else (asked_once(context, send, look), True)


def asked_once(context: ActionContext, send: Callable[[], T], look: Callable[[], T | None]) -> T:
    """Send once; when no answer comes, give what can be found of it.

    Raises:
        LostAnswerError: it is not there so far; the engine looks again before it makes another attempt.
    """
    try:
        return send()
    except LostAnswerError:
        for seconds in _LOOKS:
            context.progress("the answer was lost; looking whether it was done")
            context.pause(seconds)
            try:
                found = look()
            except RefusedError:
                break  # that it may not be looked for says nothing of whether it was done
            if found is not None:
                return found
        raise
