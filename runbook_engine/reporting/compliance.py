"""What is owed, written for people and for their calendars."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from runbook_engine.model.compliance import Duty, DutyState
from runbook_engine.reporting.inert import one_line

_DAY = 86400
_MOST_NAMED = 3
_VERBS = {"drill": "Drill", "review": "Review", "copy": "Make a copy by", "file": "Mend"}


def duty_line(duty: Duty, now: datetime) -> str:
    """Say in one line how a duty stands."""
    said = {
        DutyState.INVALID: "can't be read",
        DutyState.FAILED: f"the newest one failed ({duty.last_run})" if duty.last_run else "the newest one failed",
        DutyState.NEVER: "was never done",
        DutyState.OVERDUE: f"overdue for {_span(now, duty.due_at)}",
        DutyState.CHANGED: f"changed since: {_named(duty.changed)}",
        DutyState.SOON: f"due in {_span(duty.due_at, now)}",
        DutyState.OK: f"due in {_span(duty.due_at, now)}",
    }[duty.state]
    last = f", last on {duty.last_at:%Y-%m-%d}" if duty.last_at and duty.state is not DutyState.FAILED else ""
    note = f"; {one_line(duty.note)}" if duty.note else ""
    return f"{said}{last}{note}"


def calendar(duties: Iterable[Duty], now: datetime) -> bytes:
    """Give the days on which something is due as an iCalendar file.

    What is overdue, was never done or can't be read is due today. The same duty has the same UID each time, so that a
    calendar that subscribes moves it.
    """
    made = Calendar()
    made.add("prodid", "-//runbook-engine//compliance//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    for duty in duties:
        day = max(duty.due_at or now, now).date()
        event = Event()
        event.add("uid", f"{duty.kind}.{duty.runbook}@runbook-engine")
        event.add("dtstamp", now)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        event.add("summary", f"{_VERBS[duty.kind]} {duty.runbook}")
        owner = f"Owner: {duty.owner}\n" if duty.owner else ""
        policy = f"Policy: {', '.join(duty.policy)}\n" if duty.policy else ""
        event.add("description", f"{duty.title}\n{owner}{policy}{duty_line(duty, now)}")
        event.add("transp", "TRANSPARENT")
        made.add_component(event)
    return bytes(made.to_ical())


def _span(later: datetime | None, earlier: datetime | None) -> str:
    if later is None or earlier is None:
        return "?"
    seconds = (later - earlier).total_seconds()
    if seconds >= 2 * _DAY:
        return f"{int(seconds // _DAY)} days"
    hours = int(seconds // 3600)
    return f"{hours} hours" if hours != 1 else "1 hour"


def _named(files: Sequence[str]) -> str:
    more = f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
    return ", ".join(files[:_MOST_NAMED]) + more
