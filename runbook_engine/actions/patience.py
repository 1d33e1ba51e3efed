"""Waiting that changes nothing: when the time is over it has failed, and nothing it began goes on."""

from datetime import timedelta

from runbook_engine.sdk import ActionContext, ActionFailedError, DeadlineError, format_duration


def pause_or_give_up(seconds: float, context: ActionContext, began: float, last: str) -> None:
    """Pause before the next look.

    Args:
        began: monotonic time of the first look.
        last: what the last look saw.

    Raises:
        ActionFailedError: the step's timeout passed; the message says what was seen last.
    """
    try:
        context.pause(seconds)
    except DeadlineError as error:
        waited = format_duration(timedelta(seconds=round(context.clock.monotonic() - began)))
        raise ActionFailedError(
            f"waited {waited} in vain, last seen: {last}", hint="look at the peer, or give the step a longer timeout"
        ) from error
