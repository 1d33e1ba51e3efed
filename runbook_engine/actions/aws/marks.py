"""What tells our resources from anybody's: tags, deterministic names, and tokens where the service takes one."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from runbook_engine.sdk import ActionContext, ActionFailedError, AwsAnswer, format_duration

MANAGED_TAG, MANAGED_BY = "dr:managed", "runbook-engine"
RUN_TAG, STEP_TAG = "dr:run", "dr:step"
SOURCE_TAG = "dr:source"
POINT_TAG = "dr:recovery-point"
TAG_VALUE_LIMIT = 256


def marks(context: ActionContext, *, point: datetime | None = None, **more: str) -> dict[str, str]:
    """Give the tags of what this step makes; keywords become `dr:…`, with `-` for `_`.

    Args:
        point: the time that its data is from.
    """
    tags = {MANAGED_TAG: MANAGED_BY, RUN_TAG: context.run.id, STEP_TAG: context.run.step}
    if point is not None:
        tags[POINT_TAG] = as_utc(point).isoformat(timespec="seconds")
    tags |= {f"dr:{name.replace('_', '-')}": value for name, value in more.items()}
    return {key: tag_value(value) for key, value in tags.items()}


def tag_value(text: str) -> str:
    """Give the text with every character that a tag may not have as `_`, cut to 256."""
    return re.sub(r"[^\w\s.:/=+@-]", "_", text)[:TAG_VALUE_LIMIT]


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Give tags in the form that most services want."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(items: Iterable[AwsAnswer] | None) -> dict[str, str]:
    """Read tags in the form that most services give."""
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in items or ()}


def refuse_reserved(tags: Mapping[str, str]) -> None:
    """Refuse a user's tags that would pass for ours or for AWS's.

    Raises:
        ValueError: there are some.
    """
    reserved = sorted(tag for tag in tags if tag.startswith(("dr:", "aws:")))
    if reserved:
        raise ValueError(f"tags that begin with dr: or aws: are not yours to set: {', '.join(reserved)}")


def is_ours(tags: Mapping[str, str]) -> bool:
    """Whether a step of a runbook made what carries these tags."""
    return tags.get(MANAGED_TAG) == MANAGED_BY


def refuse_foreign(what: str, tags: Mapping[str, str], *, source: str | None = None, hint: str = "") -> None:
    """Never touch, and never take for ours, what no runbook made, or what was made from another source.

    Args:
        what: the thing in words: `table orders-dr in eu-west-1`.
        source: what its tag `dr:source` must say.

    Raises:
        ActionFailedError: it is foreign.
    """
    hint = hint or "choose another name, or rename or delete the other one yourself"
    if not is_ours(tags):
        raise ActionFailedError(
            f"{what} exists and was not made by a runbook (it has no tag {MANAGED_TAG}={MANAGED_BY}); it is left alone",
            hint=hint,
        )
    found = tags.get(SOURCE_TAG, "")
    if source is not None and found != tag_value(source):
        raise ActionFailedError(
            f"{what} was made from {found or 'elsewhere'}, not from {source}; it is left alone", hint=hint
        )


def refuse_untagged(what: str, tags: Mapping[str, str], wanted: Mapping[str, str], *, hint: str) -> None:
    """Never touch what lacks the tags that a step gave to what it restored for this purpose.

    Raises:
        ActionFailedError: it lacks one.
    """
    lacking = [f"{key}={value}" for key, value in wanted.items() if tags.get(key) != value]
    if lacking:
        raise ActionFailedError(f"{what} does not carry the tag {', '.join(lacking)}; it is left alone", hint=hint)


def token(context: ActionContext, purpose: str = "") -> str:
    """Give 32 hexadecimal digits that stay the same over crashes and retries of this attempt.

    Args:
        purpose: tells the calls of one step apart, where it makes several.
    """
    return hashlib.sha256(f"{context.run.token}\n{purpose}".encode()).hexdigest()[:32]


def recovery_point(tags: Mapping[str, str]) -> datetime | None:
    """Read the time that the data is from out of the tags; None when they do not say."""
    text = tags.get(POINT_TAG)
    try:
        return as_utc(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None


def as_utc(time: datetime) -> datetime:
    """Give a time in UTC; one without a zone is AWS's, which are UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def age(point: datetime | None, context: ActionContext) -> str:
    """Say how old data of that time is: `, whose data is 10m old`; nothing when it isn't known."""
    if point is None:
        return ""
    seconds = max(round((context.clock.now() - as_utc(point)).total_seconds()), 0)
    return f", whose data is {format_duration(timedelta(seconds=seconds))} old"
