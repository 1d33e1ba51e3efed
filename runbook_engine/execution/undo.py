"""Taking back what an earlier run applied: the action's `revert`, held against its `check` like everything else."""

from typing import cast

from runbook_engine.execution.attempt_parts import Progress, as_applied, check, check_until, make_report
from runbook_engine.execution.context import AttemptContext
from runbook_engine.model.outcome import CheckStatus, Finding, Grade, Mode, Outcome
from runbook_engine.ports.action import Action, Effect, Params, Reverts
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport
from runbook_engine.ports.services import ServiceUnreachableError


def undo(
    order: AttemptOrder,
    action: Action[Params],
    params: Params,
    acting: AttemptContext,
    reading: AttemptContext,
    progress: Progress,
) -> AttemptReport:
    """Revert, then look until the check no longer finds the state that is to be gone.

    | | live, drill | dry run |
    |---|---|---|
    | check satisfied | revert, check again | `would-change`, simulated |
    | not satisfied | `unchanged`: it is not there any more | `unchanged`, proven |
    | cannot tell | revert | `unproven` |
    """
    found = progress.finding
    if found is not None and found.status is CheckStatus.UNSATISFIED:
        progress.finding = Finding(status=CheckStatus.SATISFIED, evidence={"check": found.summary})
        note = "nothing to undo: it is not as the run left it"
        return make_report(order, Outcome.UNCHANGED, progress, grade=Grade.PROVEN, note=note)
    if order.mode is Mode.DRY_RUN:
        sure = found is not None and found.satisfied
        outcome, grade = (Outcome.WOULD_CHANGE, Grade.SIMULATED) if sure else (Outcome.UNPROVEN, Grade.UNPROVEN)
        return make_report(order, outcome, progress, grade=grade, note="would be undone" if sure else "")
    if order.settle and not (found is not None and found.satisfied) and action.effect is not Effect.TOKEN:
        text = "interrupted before its end was recorded, and a check can't tell whether it was undone"
        return make_report(order, Outcome.FAILED, progress, error=text, in_doubt=True, needs_person=True)
    return _revert(order, action, params, acting, reading, progress)


def _revert(
    order: AttemptOrder,
    action: Action[Params],
    params: Params,
    acting: AttemptContext,
    reading: AttemptContext,
    progress: Progress,
) -> AttemptReport:
    acting.before_a_change()
    progress.applying = True
    try:
        progress.applied = as_applied(action, cast("Reverts", action).revert(params, acting))
    except ServiceUnreachableError:
        # The reply was lost; the check is the only witness.
        if action.effect is Effect.ONCE or check(action, params, reading).status is not CheckStatus.UNSATISFIED:
            raise
    finding = check_until(action, params, reading, lambda seen: not seen.satisfied)
    if finding.satisfied:
        progress.finding = finding
        return make_report(order, Outcome.FAILED, progress, error="undone, but the check still finds it as it was")
    summary = progress.applied.summary if progress.applied else "the reply was lost, the check found it undone"
    progress.finding = Finding(status=CheckStatus.SATISFIED, evidence={"check": finding.summary})
    changed = progress.applied is None or progress.applied.changed
    return make_report(order, Outcome.CHANGED if changed else Outcome.UNCHANGED, progress, note=summary or "undone")
