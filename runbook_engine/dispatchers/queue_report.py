"""What an order's row says of how its attempt ended, also when what a worker wrote there can't be read."""

from collections.abc import Mapping

from runbook_engine.dispatchers.queue_orders import OrderRow
from runbook_engine.dispatchers.queue_watch import STALL_SECONDS
from runbook_engine.dispatchers.queue_wire import read_report
from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport


def report_of(row: OrderRow, order: AttemptOrder, output: Mapping[str, bytes]) -> AttemptReport:
    """Give the report of an order that was reported or lost."""
    if row.state == "reported":
        try:
            return read_report(row.report, order, output)
        except ValueError as error:
            text = f"what the worker on {row.host} reported can't be read: {error}"
            return AttemptReport(order.task, order.number, Outcome.FAILED, error=text, in_doubt=True)
    text = (
        f"its worker on {row.host} (queue {row.queue}) vanished: no heartbeat for {STALL_SECONDS:g} s;"
        " how the attempt ended is not known"
    )
    return AttemptReport(order.task, order.number, Outcome.FAILED, error=text, in_doubt=True, lost=True)
