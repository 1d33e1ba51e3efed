"""Says a forecast in short."""

from datetime import timedelta

from runbook_engine.model.forecast import Forecast
from runbook_engine.model.names import format_duration

_HUNDRED = 100


def in_short(told: Forecast) -> str:
    """Give both figures in words."""
    return f"{time_text(told.p50)} in half of the cases, {time_text(told.p90)} in 9 of 10"


def time_text(seconds: float) -> str:
    """Write seconds to about three figures: what is forecast is not known better."""
    rounded = round(seconds, 1) if seconds < _HUNDRED else round(seconds)
    return format_duration(timedelta(seconds=rounded))


def counted(number: int, what: str) -> str:
    """Write `1 task`, `2 tasks`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
