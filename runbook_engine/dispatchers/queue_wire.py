"""Orders and reports as the text that travels: JSON, in ASCII, of one version of the engine."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from runbook_engine.model.outcome import Outcome
from runbook_engine.ports.dispatcher import AttemptOrder, AttemptReport

_ORDERS = TypeAdapter(AttemptOrder)
_REPORTS = TypeAdapter(AttemptReport)
_UNBEGUN = "unbegun"


class SentOrder(NamedTuple):
    """An order on its way.

    Attributes:
        origin, version: of the action's code where the order was made; the worker's must be the same.
    """

    order: AttemptOrder
    origin: str
    version: str


def order_text(sent: SentOrder) -> str:
    """Write an order; its target must have no secret in it."""
    return _text({"order": sent.order._asdict(), "origin": sent.origin, "version": sent.version})


def read_order(text: str) -> SentOrder:
    """Read an order.

    Raises:
        ValueError: it is none, or one of another version of the engine.
    """
    try:
        data = _read(text)
        return SentOrder(_ORDERS.validate_python(data["order"]), str(data["origin"]), str(data["version"]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"it is none of this version's ({where}: {first['msg']})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"it is none of this version's ({type(error).__name__})") from None


def may_settle(text: str) -> bool:
    """Tell of an order that can't be read whether an earlier attempt's end may be for it to find out."""
    try:
        order = _read(text)["order"]
    except (ValueError, KeyError):
        return True
    return not isinstance(order, dict) or order.get("settle", True) is not False


def report_text(report: AttemptReport) -> str:
    """Write a report, without its output."""
    return _text(report._replace(output={})._asdict())


def read_report(text: str, order: AttemptOrder, output: Mapping[str, bytes]) -> AttemptReport:
    """Read the report of an order, and of no other; see `unbegun_text`.

    Raises:
        ValueError: it is none that this version of the engine reads.
    """
    data = _read(text)
    error = data.get(_UNBEGUN)
    if isinstance(error, str):
        return AttemptReport(order.task, order.number, Outcome.FAILED, error=error, in_doubt=order.settle, unbegun=True)
    return _REPORTS.validate_python(data)._replace(task=order.task, number=order.number, output=output)


def unbegun_text(why: str) -> str:
    """Write, in place of a report, that nobody began an order; an older attempt that it was to settle is so still."""
    return _text({_UNBEGUN: why})


def _read(text: str) -> dict[str, object]:
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - of what was sent, not of how this was called
    return data


def _text(value: object) -> str:
    return json.dumps(to_jsonable_python(value), ensure_ascii=True, allow_nan=True)
