"""Holds a good end of an attempt against its step's `retry.until`."""

from runbook_engine.execution.orders import OrderMaker
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.outcome import Outcome
from runbook_engine.model.plan import Task
from runbook_engine.ports.dispatcher import AttemptReport


def held_against_until(task: Task, report: AttemptReport, orders: OrderMaker) -> AttemptReport:
    """Give the report, as a failure when the attempt ended well and what it gave is not what the step waits for."""
    if not report.outcome.ended_well:
        return report
    try:
        if orders.accepted(task, report.outputs):
            return report
        error = f"until: {orders.plan.steps[task.step].step.retry.until} is not true yet"
    except RunbookError as problem:
        error = f"until: {problem.message}"
    return report._replace(outcome=Outcome.FAILED, outputs={}, grade=None, recovery_point=None, error=error)
