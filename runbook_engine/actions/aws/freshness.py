"""Judges a backup by the age of its data."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from runbook_engine.actions.aws.marks import age
from runbook_engine.sdk import ActionContext, Finding, JsonValue, format_duration, satisfied, unsatisfied


def or_earlier(before: datetime | None) -> str:
    """Say, behind what is looked for, that its data must be of a time or earlier."""
    return f" with data of {before.isoformat()} or earlier" if before is not None else ""


def judged_by_age(
    words: str,
    point: datetime,
    context: ActionContext,
    *,
    max_age: timedelta | None,
    outputs: Mapping[str, JsonValue],
) -> Finding:
    """Say that a backup is there, and whether its data is young enough.

    Args:
        words: what is there: `reviews-1 is available in eu-west-1`.
        point: the time that its data is from.
        max_age: greatest age; None where any will do.
        outputs: what later steps may use; `recovery_point` is added.
    """
    said = f"{words}{age(point, context)}"
    facts = {**outputs, "recovery_point": point.isoformat()}
    if max_age is not None and point < context.clock.now() - max_age:
        wanted = f"{said}; at most {format_duration(max_age)} is wanted"
        return unsatisfied(wanted, outputs=facts, recovery_point=point)
    return satisfied(said, outputs=facts, recovery_point=point)
