"""What an error says of an attempt: how it ended, and whether anybody knows what became of its effect."""

from runbook_engine.execution.attempt_parts import AttemptTools, Progress, make_report
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Grade, Mode, Outcome, unknown
from runbook_engine.ports.action import ActionFailedError, CancelledError, DeadlineError, Effect
from runbook_engine.ports.connection import (
    BegunElsewhereError,
    CommandLostError,
    CommandTimeoutError,
    NoConnectionError,
    ReadOnlyError,
    TargetUnreachableError,
)
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport
from runbook_engine.ports.services import ServiceUnreachableError


class ProvenUndoneError(ActionFailedError):
    """What an earlier attempt was to do is not done, and never will be by it: a new one may be made."""


def report_of_failure(
    order: AttemptOrder, tools: AttemptTools, progress: Progress, error: RunbookError, *, touched: bool
) -> AttemptReport:
    """Turn an error into an outcome; after an apply began to send, only a proven end is called an end."""
    sent = touched or not isinstance(error, NoConnectionError)
    lost = isinstance(error, TargetUnreachableError | ServiceUnreachableError)
    unproven = lost or isinstance(error, DeadlineError | CancelledError)
    learned = touched or isinstance(error, ProvenUndoneError)
    if isinstance(error, CommandTimeoutError):
        unproven, learned = not error.killed, touched or error.killed
    outcome = Outcome.UNREACHABLE if isinstance(error, TargetUnreachableError) else Outcome.FAILED
    text = error.message if not error.hint else f"{error.message} ({error.hint})"
    if isinstance(error, ReadOnlyError):
        text = f"{_origin(order, tools)}: {text}"
    doubt = (progress.applying and unproven and sent) or is_unsettled(order, tools, progress, learned=learned)
    action = tools.catalog.get(order.action)
    once = action is not None and action.effect is Effect.ONCE
    asks = once or isinstance(error, CommandLostError | BegunElsewhereError)
    absent = isinstance(error, ActionFailedError | ServiceUnreachableError)
    if order.mode is Mode.DRY_RUN and order.taints and absent:
        # What the check looked for would have been made by a step that a dry run does not do.
        note = f"can't be checked now ({text}); what it needs was not really done"
        progress.finding = progress.finding or unknown()
        return make_report(order, Outcome.UNPROVEN, progress, grade=Grade.UNPROVEN, note=note)
    done: JsonObject = getattr(error, "outputs", {})
    if done and order.sensitive and action is not None and action.effect is Effect.ONCE:
        # What was done is not recorded, so that another attempt would do it once more.
        doubt = True
    report = make_report(order, outcome, progress, error=text, in_doubt=doubt, needs_person=doubt and asks)
    for_good = isinstance(error, ActionFailedError) and error.for_good and not doubt
    return report._replace(outputs={**report.outputs, **done}, for_good=for_good)


def is_unsettled(order: AttemptOrder, tools: AttemptTools, progress: Progress, *, learned: bool) -> bool:
    """Whether the attempt was to settle an earlier one, and failed without finding out what became of that.

    Args:
        learned: the target itself was reached: a reattach that fails has found the earlier attempt's own end. A service
            that answers the same token with an error has said nothing of the earlier request.
    """
    action = tools.catalog.get(order.action)
    if not order.settle or order.mode is Mode.DRY_RUN or (action is not None and not hasattr(action, "apply")):
        return False
    if not progress.applying:
        return True
    return action is None or (action.effect is Effect.TOKEN and not learned)


def _origin(order: AttemptOrder, tools: AttemptTools) -> str:
    origin = tools.catalog.entry(order.action).origin
    return order.action if origin == "runbook-engine" else f"plugin {origin}"
