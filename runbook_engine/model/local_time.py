"""How a moment that lies ahead is told to people: by their own clock, with the day unless that is today."""

from datetime import datetime


def local_deadline(at: datetime, now: datetime, *, seconds: bool = False) -> str:
    """Give a moment as this machine's clock will show it; `seconds`: to the second, and not to the minute."""
    local = at.astimezone()
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return clock if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d} {clock}"
