"""What the monitor says on the terminal: one line for each change, all of an alarm when it is raised."""

from runbook_engine.cli.terminal import result, say
from runbook_engine.model.event import (
    AlarmGrew,
    AlarmOver,
    AlarmRaised,
    AlarmReturned,
    AlarmTold,
    StoredEvent,
    TriggerSeen,
)
from runbook_engine.model.event_monitor import Sighting
from runbook_engine.ports.dispatcher import AttemptProgress
from runbook_engine.reporting.alarm_text import alarm_body, alarm_title
from runbook_engine.reporting.inert import one_line

_WORDS = {"holds": "holds", "clear": "does not hold", "unknown": "nobody can tell"}


class MonitorLines:
    """Writes events as text; alarms are the result, the rest goes to stderr (`ports.listener.Listener`)."""

    def __init__(self) -> None:
        self._seen: dict[str, Sighting] = {}

    def event(self, stored: StoredEvent) -> None:
        """Say what happened."""
        when, event = f"{stored.time:%Y-%m-%d %H:%M:%S}", stored.event
        match event:
            case TriggerSeen():
                before = self._seen.get(event.trigger)
                self._seen[event.trigger] = event.sighting
                if before is None or before.verdict != event.sighting.verdict:
                    say(f"{when}  {event.trigger}: {_WORDS[event.sighting.verdict]}: {one_line(event.why, limit=300)}")
            case AlarmRaised():
                result(f"{when}  {alarm_body(event.alarm)}")
            case AlarmReturned():
                say(f"{when}  {alarm_title(event.alarm)}: reported again, and told of before")
            case AlarmGrew():
                say(f"{when}  {event.alarm} grew: {', '.join((*event.triggers, *event.incidents))}")
            case AlarmOver():
                result(f"{when}  over: {event.alarm}: {event.why}")
            case AlarmTold():
                told = "told" if event.next_at is None else f"not told ({one_line(event.error, limit=300)})"
                say(f"{when}  {event.alarm}: {told} over {event.channel}")
            case _:
                return

    def warning(self, text: str) -> None:
        """Say it on stderr."""
        say(f"warning: {text}")

    def progress(self, progress: AttemptProgress) -> None:
        """Leave progress out: looks are short."""


class Warnings:
    """Says warnings on stderr, and nothing else: for the side of those who print events as JSON."""

    def event(self, stored: StoredEvent) -> None:
        """Leave it to whoever prints events."""

    def warning(self, text: str) -> None:
        """Say it on stderr."""
        say(f"warning: {text}")

    def progress(self, progress: AttemptProgress) -> None:
        """Leave progress out."""
