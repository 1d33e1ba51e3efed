"""What a drill changes where people could take it for true: the words, and the place that it goes to."""

from typing import TypeVar

from runbook_engine.sdk import ActionContext, ActionFailedError, Mode

T = TypeVar("T")
DRILL = "DRILL, not real: "


def in_drill(context: ActionContext) -> bool:
    """Tell whether the run is a drill."""
    return context.run.mode is Mode.DRILL


def words_for(context: ActionContext, text: str) -> str:
    """Give a text as it may be said: in a drill it begins with that."""
    return f"{DRILL}{text}" if in_drill(context) else text


def place_for(context: ActionContext, real: T, sandbox: T | None, *, lacks: str, hint: str) -> T:
    """Give where to work: in a drill the sandbox.

    Args:
        lacks: what to say where a drill has no sandbox.
        hint: what to do then.

    Raises:
        ActionFailedError: it is a drill and there is no sandbox.
    """
    if not in_drill(context):
        return real
    if sandbox is None:
        raise ActionFailedError(f"it is a drill and there is no {lacks}", hint=hint)
    return sandbox
