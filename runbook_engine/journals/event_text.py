"""The canonical JSON of an event: the one text that is hashed and stored."""

import math
from collections.abc import Mapping
from json.encoder import encode_basestring

from pydantic import ValidationError

from runbook_engine.model.errors import JournalError
from runbook_engine.model.event import EVENT, AttemptFinished, AttemptStarted, Event
from runbook_engine.model.json import canonical_json
from runbook_engine.model.outcome import Finding

_WORDS = {True: "true", False: "false"}


def event_text(event: Event) -> tuple[Event, str]:
    """Give an event's canonical JSON, and the event as it will be read back.

    What came from a target may hold lone surrogates or NaN, which no JSON text can carry to a database; the event is
    then recorded with replacements rather than lost.

    Raises:
        JournalError: the event holds something that JSON can't say.
    """
    try:
        text = _plain_text(event) or canonical_json(event.model_dump(mode="json"))
        text.encode()
    except ValueError:
        try:
            event = EVENT.validate_python(writable(event.model_dump(mode="json")))
            text = canonical_json(event.model_dump(mode="json"))
        except ValueError as error:
            raise JournalError(
                f"an event of kind {event.kind} can't be recorded: {first_line(error)}",
                hint="the action that made it gave a value that JSON does not have",
            ) from error
    return event, text


def writable(value: object) -> object:
    """Replace what a JSON text can't carry: lone surrogates by U+FFFD, NaN and infinity by their names."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {writable(key): writable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [writable(item) for item in value]
    return value


def first_line(error: ValueError) -> str:
    """Say in one line what is wrong with a value."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return ": ".join(filter(None, (".".join(str(part) for part in first["loc"][1:]), first["msg"])))
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _plain_text(event: Event) -> str:
    """Write the two kinds that nearly all events are of; "" for any other, and for what holds more than plain texts.

    A run writes them by the hundred thousand, and the general way takes four times as long. Keys stand sorted.
    """
    if type(event) is AttemptStarted:
        return (
            f'{{"kind":"attempt.started","number":{event.number},"parameters":{encode_basestring(event.parameters)},'
            f'"settles":{_WORDS[event.settles]},"task":{encode_basestring(event.task)},'
            f'"token":{encode_basestring(event.token)}}}'
        )
    if type(event) is AttemptFinished and not event.outputs and not event.output_digest and event.grade is None:
        finding = _plain_finding(event.finding)
        if finding and math.isfinite(event.seconds):
            return (
                f'{{"error":{encode_basestring(event.error)},"finding":{finding},"grade":null,'
                f'"in_doubt":{_WORDS[event.in_doubt]},"kind":"attempt.finished","number":{event.number},'
                f'"outcome":"{event.outcome.value}","output_digest":{{}},"outputs":{{}},"seconds":{event.seconds!r},'
                f'"task":{encode_basestring(event.task)},"unbegun":{_WORDS[event.unbegun]}}}'
            )
    return ""


def _plain_finding(finding: Finding | None) -> str:
    if finding is None:
        return "null"
    if finding.changes or finding.outputs or finding.evidence or finding.recovery_point is not None:
        return ""
    return (
        '{"changes":[],"evidence":{},"outputs":{},"recovery_point":null,'
        f'"status":"{finding.status.value}","summary":{encode_basestring(finding.summary)}}}'
    )
