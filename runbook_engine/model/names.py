"""The shapes of names and durations, in one place."""

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints, WithJsonSchema

STEP_ID = r"^[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)*$"
RUNBOOK_NAME = r"^[a-z][a-z0-9-]*$"
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_UNITS = (86400, 3600, 60, 1)
_USUAL_LENGTH = 20


def step_of(task: str) -> str:
    """Give the step that a task id (`deploy[0]@web1`) belongs to."""
    return task.partition("@")[0].partition("[")[0]


def target_of(task: str) -> str:
    """Give the target of a task id: `web1` of `deploy[0]@web1`."""
    return task.partition("@")[2]


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `90s`, `15m`, `1h30m`, `365d`.

    Raises:
        ValueError: the text is not a duration; the message says what one looks like.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        message = f"{text!r} is not a duration; write it like 90s, 15m, 1h30m or 365d"
        raise ValueError(message)
    seconds = sum(float(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part)
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        message = f"{text!r} is longer than any duration can be"
        raise ValueError(message) from None


# A long runbook has the same few durations thousands of times.
@lru_cache(maxsize=256)
def format_duration(value: timedelta) -> str:
    """Write a duration the way a runbook does: `1h30m`, `45s`, `0.5s`."""
    seconds = value.total_seconds()
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = [f"{int(amount)}{unit}" for amount, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if amount]
    rest = f"{seconds:.3f}".rstrip("0").rstrip(".")
    if rest != "0" or not parts:
        parts.append(f"{rest}s")
    return sign + "".join(parts)


def format_seconds(seconds: float) -> str:
    """Write a number of seconds as people do, rounded: `60 s`, `7.9 s`, `0.7 s`."""
    if abs(seconds) >= _TENTHS_BELOW:
        return f"{round(seconds)} s"
    return f"{seconds:.1f} s".replace(".0 s", " s") if abs(seconds) >= _LEAST else f"{seconds:.1g} s"


_TENTHS_BELOW = 9.95
_LEAST = 0.1

_parse_again = lru_cache(maxsize=256)(parse_duration)


def _read_duration(value: object) -> object:
    """Take text as a duration; a bare number is refused because its unit would be a guess."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return _parse_again(value) if len(value) <= _USUAL_LENGTH else parse_duration(value)
    message = f"{value!r} has no unit; write a duration like 90s, 15m, 1h30m or 365d"
    raise ValueError(message)


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$",
            "examples": ["90s", "15m", "1h30m", "365d"],
        }
    ),
]


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        message = "must be longer than zero"
        raise ValueError(message)
    return value


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
StepId = Annotated[str, StringConstraints(pattern=STEP_ID, max_length=200)]
RunbookName = Annotated[str, StringConstraints(pattern=RUNBOOK_NAME, max_length=100)]
