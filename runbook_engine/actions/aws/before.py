"""What something was like before a step changed it, noted in a tag of its own, so that a crash does not lose it."""

import hashlib
from collections.abc import Callable, Mapping

from runbook_engine.actions.aws.marks import TAG_VALUE_LIMIT, tag_value
from runbook_engine.sdk import ActionContext, ActionFailedError, AwsError, JsonValue

BEFORE_TAG = "dr:before"


def noted(tags: Mapping[str, str], context: ActionContext) -> dict[str, JsonValue]:
    """Read what this task of this run noted in an attempt before; empty when it noted nothing."""
    key, *words = tags.get(BEFORE_TAG, "").split(" ")
    if key != _key(context):
        return {}
    return {name: _read(value) for name, _, value in (word.partition("=") for word in words)}


def remember(
    context: ActionContext, tags: Mapping[str, str], now: Mapping[str, JsonValue], write: Callable[[str, str], object]
) -> dict[str, JsonValue]:
    """Give what was before this task changed anything; the first time, note it.

    Args:
        tags: those that are there.
        now: what is; numbers, words without blanks, true and false.
        write: sets a tag, given its key and value. Where that is refused the step goes on: for want of a tag nothing
            stays down.
    """
    found = noted(tags, context)
    if found:
        return found
    text = " ".join((_key(context), *(f"{name}={_written(value)}" for name, value in now.items())))
    if len(text) > TAG_VALUE_LIMIT:  # cut, it would say something else
        context.progress("what was before is too long to be noted in a tag")
        return dict(now)
    try:
        write(BEFORE_TAG, tag_value(text))
    except AwsError as error:
        context.progress(f"what was before could not be noted in a tag: {error.message}")
    return dict(now)


def recorded_before(context: ActionContext, what: str) -> dict[str, JsonValue]:
    """Give what the step's output `before` says, for `revert`.

    Raises:
        ActionFailedError: it says nothing.
    """
    before = context.recorded.get("before")
    if not isinstance(before, Mapping) or not before:
        raise ActionFailedError(
            f"nothing is recorded of what {what} was before", hint="set it by a step of its own, as it should be"
        )
    return dict(before)


def _key(context: ActionContext) -> str:
    """Tell this task of this run from every other."""
    return hashlib.sha256(f"{context.run.id}\n{context.run.task}".encode()).hexdigest()[:16]


def _written(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(text: str) -> JsonValue:
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isdigit() else text
