"""Asks for what must not be made twice: when the answer is lost, looks for it before anybody asks again."""

from collections.abc import Callable
from typing import TypeVar

from runbook_engine.sdk import ActionContext

from .errors import LostAnswerError, RefusedError

T = TypeVar("T")
_LOOKS = (1.0, 3.0, 6.0)  # seconds before each look: a request that was received may take its time


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
