"""What a look at an earlier good end says: whether it is so still, and nothing is done about it."""

from runbook_engine.execution.attempt_parts import Progress, make_report
from runbook_engine.model.outcome import CheckStatus, Outcome
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport

_SAYS = {
    CheckStatus.SATISFIED: Outcome.UNCHANGED,
    CheckStatus.UNSATISFIED: Outcome.WOULD_CHANGE,
    CheckStatus.UNKNOWN: Outcome.UNPROVEN,
}
_TURNED_ROUND = {Outcome.UNCHANGED: Outcome.WOULD_CHANGE, Outcome.WOULD_CHANGE: Outcome.UNCHANGED}


def looked(order: AttemptOrder, progress: Progress) -> AttemptReport:
    """Say what the check saw; of something that was taken back, it is to see nothing any more."""
    finding = progress.finding
    says = _SAYS[finding.status] if finding is not None else Outcome.UNPROVEN
    if order.undo:
        says = _TURNED_ROUND.get(says, says)
    return make_report(order, says, progress)._replace(recovery_point=None)
