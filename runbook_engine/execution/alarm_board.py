"""Where triggers and alarms stand, as a fold over the monitor's events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from runbook_engine.model.event import (
    AlarmGrew,
    AlarmOver,
    AlarmRaised,
    AlarmReturned,
    AlarmTold,
    Event,
    MonitorOpened,
    StoredEvent,
    TriggerSeen,
)
from runbook_engine.model.event_monitor import Alarm, AlarmState, MonitorState, Phase, Sighting, Telling

_MOST_OVER = 50  # alarms that are over and kept, since their end may still be to be told
_MOST_TOLD = 500  # ids of incidents that are remembered of each subject
_END_IS_NEWS = timedelta(days=1)


class Owed(NamedTuple):
    """People are to be told of an alarm over a channel; `telling` is how far that is."""

    alarm: Alarm
    phase: Phase
    channel: str
    telling: Telling


@dataclass(slots=True)
class AlarmBoard:
    """The monitor's state while it works; `seq` is of the newest event that is in it."""

    triggers: dict[str, Sighting] = field(default_factory=dict)
    alarms: dict[str, AlarmState] = field(default_factory=dict)
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seq: int = 0

    def take(self, events: Iterable[StoredEvent]) -> None:
        """Take note of events that the journal has."""
        for stored in events:
            self.apply(stored.event)
            self.seq = stored.seq

    def apply(self, event: Event) -> None:
        """Take note of one event."""
        match event:
            case MonitorOpened(state=state):
                self.triggers, self.alarms, self.told = dict(state.triggers), dict(state.alarms), dict(state.told)
            case TriggerSeen():
                self.triggers[event.trigger] = event.sighting
            case AlarmRaised() | AlarmReturned():
                self.alarms[event.alarm.id] = AlarmState(alarm=event.alarm)
                self._remember(event.alarm.subject, event.alarm.incidents)
            case AlarmGrew():
                self._grow(event)
            case AlarmOver() if event.alarm in self.alarms:
                self.alarms[event.alarm] = self.alarms[event.alarm].model_copy(update={"over_at": event.at})
                self._forget()
            case AlarmTold() if event.alarm in self.alarms:
                self._tell(event)
            case _:
                return  # records for people

    def standing(self, subject: str) -> Alarm | None:
        """Give the alarm of a subject that stands, None when there is none."""
        return next((one for one in self.all_standing() if one.subject == subject), None)

    def all_standing(self) -> list[Alarm]:
        """Give every alarm that stands."""
        return [state.alarm for state in self.alarms.values() if state.over_at is None]

    def owed(self, channels: Iterable[str], now: datetime) -> list[Owed]:
        """Tell who is to be told of what now: that alarms stand, and that those told of are over."""
        found: list[Owed] = []
        names = tuple(channels)
        for state in self.alarms.values():
            phase: Phase = "raised" if state.over_at is None else "over"
            if state.alarm.again or (state.over_at is not None and now - state.over_at > _END_IS_NEWS):
                continue
            for channel in names:
                telling = state.tellings.get(_key(phase, channel), Telling())
                if not telling.told and (telling.next_at is None or telling.next_at <= now):
                    found.append(Owed(state.alarm, phase, channel, telling))
        return found

    def knows(self, told: AlarmTold) -> bool:
        """Whether an attempt to tell people is in here already."""
        state = self.alarms.get(told.alarm)
        telling = state.tellings.get(_key(told.phase, told.channel)) if state else None
        return telling is not None and telling.attempts >= told.number

    def snapshot(self) -> MonitorState:
        """Give all of it as one value, for the record that goes on from here."""
        return MonitorState(triggers=dict(self.triggers), alarms=dict(self.alarms), told=dict(self.told))

    def _grow(self, event: AlarmGrew) -> None:
        state = self.alarms.get(event.alarm)
        if state is None:
            return
        alarm = state.alarm
        grown = alarm.model_copy(
            update={
                "triggers": tuple(dict.fromkeys((*alarm.triggers, *event.triggers))),
                "incidents": tuple(dict.fromkeys((*alarm.incidents, *event.incidents))),
            }
        )
        self.alarms[event.alarm] = state.model_copy(update={"alarm": grown})
        self._remember(alarm.subject, event.incidents)

    def _tell(self, event: AlarmTold) -> None:
        state = self.alarms[event.alarm]
        telling = Telling(
            told=event.next_at is None, attempts=event.number, next_at=event.next_at, outputs=event.outputs
        )
        tellings = {**state.tellings, _key(event.phase, event.channel): telling}
        self.alarms[event.alarm] = state.model_copy(update={"tellings": tellings})

    def _remember(self, subject: str, incidents: tuple[str, ...]) -> None:
        known = dict.fromkeys((*self.told.get(subject, ()), *incidents))
        if known:
            self.told[subject] = tuple(known)[-_MOST_TOLD:]

    def _forget(self) -> None:
        over = sorted((state.over_at, name) for name, state in self.alarms.items() if state.over_at is not None)
        for _, name in over[:-_MOST_OVER]:
            del self.alarms[name]


def _key(phase: Phase, channel: str) -> str:
    return f"{phase} {channel}"
