"""What follows from a look at a trigger: whether an alarm is raised, grows, or is over. Pure: values in, events out."""

import hashlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from runbook_engine.execution.alarm_board import AlarmBoard
from runbook_engine.model.event import AlarmGrew, AlarmOver, AlarmRaised, AlarmReturned, Event, TriggerSeen
from runbook_engine.model.event_monitor import About, Alarm, Sighting, Verdict
from runbook_engine.model.json import JsonObject

# A condition that comes back within this time was never gone: pages flap, and so do alarms that follow them.
QUIET = timedelta(minutes=30)
# Nobody can tell for so long, and people have to know: an unread page must not look like a quiet one.
BLIND = timedelta(minutes=10)
# What nobody looked at for longer (a monitor that was off) is not known to have held all the time.
UNSEEN = timedelta(hours=1)
# An incident that the provider reports within this time of an alarm is taken for a part of the same trouble.
SAME_TROUBLE = timedelta(hours=24)
_KEEP_TELLING = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Watch:
    """A trigger, as the rules need it.

    Attributes:
        id: runbook and place in the file: `region-failover/1`.
        definition: digest of the condition with all its values; another one is another condition.
        command, rehearsal, asks: see `Alarm`.
    """

    id: str
    runbook: str
    inventory: str
    then: Literal["propose", "notify"]
    held_for: timedelta
    definition: str
    title: str = ""
    owner: str = ""
    command: str = ""
    rehearsal: str = ""
    asks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a trigger's condition gave; `incidents` are the provider's ids of what it reports."""

    verdict: Verdict
    at: datetime
    why: str = ""
    incidents: tuple[str, ...] = ()
    evidence: JsonObject = field(default_factory=dict)
    open_run: str = ""


def judge(board: AlarmBoard, watch: Watch, look: Look) -> list[Event]:
    """Say what a look means; the events are to be recorded as one batch."""
    old = board.triggers.get(watch.id)
    sighting = sighted(old, watch, look)
    standing = board.standing(f"{watch.then}:{watch.runbook}")
    events: list[Event] = []
    told_of = standing is not None and watch.id in standing.triggers
    if old is None or _is_news(old, sighting, told_of=told_of):
        events.append(TriggerSeen(trigger=watch.id, why=look.why, sighting=sighting))
    if look.verdict == "holds" and sighting.held_since is not None:
        if look.at - sighting.held_since >= watch.held_for:
            events += _alarmed(board, standing, watch, look, sighting.held_since)
    elif look.verdict == "unknown" and sighting.unknown_since is not None:
        since = sighting.unknown_since
        if look.at - since >= BLIND and board.standing(f"blind:{watch.id}") is None:
            events.append(AlarmRaised(alarm=alarm_of("blind", watch, look, since), evidence=look.evidence))
    return events


def over(board: AlarmBoard, watches: Mapping[str, Watch], looked: AbstractSet[str], now: datetime) -> list[Event]:
    """Find the alarms that stand no longer.

    Args:
        watches: every trigger that is watched, by id.
        looked: those that were looked at since this process began; what the others are like now, nobody knows.
    """
    events: list[Event] = []
    for alarm in board.all_standing():
        watched = [watches[name] for name in alarm.triggers if name in watches]
        if not watched:
            events.append(AlarmOver(alarm=alarm.id, at=now, why="its trigger is not watched any more"))
        elif all(one.id in looked and _is_quiet(board.triggers.get(one.id), alarm, one, now) for one in watched):
            what = "it could be told again" if alarm.about == "blind" else "the condition did not hold any more"
            events.append(AlarmOver(alarm=alarm.id, at=now, why=what))
    return events


def sighted(old: Sighting | None, watch: Watch, look: Look) -> Sighting:
    """Join a look with what was seen before."""
    if old is not None and (old.definition != watch.definition or old.at > look.at):
        old = None  # another condition, or a clock that was set back: nothing that was measured before counts
    at = look.at
    held_since = old.held_since if old else None
    held_until = old.held_until if old else None
    clear_since = old.clear_since if old else None
    if look.verdict == "holds":
        unseen = held_until is None or at - held_until > max(UNSEEN, 3 * watch.held_for)
        held_since = at if held_since is None or unseen else held_since
        held_until, clear_since = at, None
    elif look.verdict == "clear":
        held_since = held_until = None
        clear_since = clear_since or at
    unknown = look.verdict == "unknown"
    return Sighting(
        verdict=look.verdict,
        definition=watch.definition,
        at=at,
        held_since=held_since,
        held_until=held_until,
        clear_since=clear_since,
        unknown_since=((old.unknown_since if old else None) or at) if unknown else None,
        known_since=None if unknown else (old.known_since if old else None) or at,
        incidents=(old.incidents if old else ()) if unknown else look.incidents,
    )


def alarm_of(about: About, watch: Watch, look: Look, since: datetime) -> Alarm:
    """Make the alarm of a trigger; its id follows from trigger and time, and is no other one's."""
    seal = hashlib.sha256(f"{about}\n{watch.id}\n{watch.inventory}\n{look.at.isoformat()}".encode()).hexdigest()[:8]
    proposes = about == "propose"
    return Alarm(
        id=f"{look.at:%Y%m%d-%H%M%S}-{about}-{watch.runbook}-{seal}",
        about=about,
        runbook=watch.runbook,
        inventory=watch.inventory,
        title=watch.title,
        owner=watch.owner,
        triggers=(watch.id,),
        since=since,
        at=look.at,
        why=look.why,
        command=watch.command if proposes else "",
        rehearsal=watch.rehearsal if proposes else "",
        asks=dict(watch.asks) if proposes else {},
        open_run=look.open_run if proposes else "",
        incidents=() if about == "blind" else look.incidents,
    )


def retry_at(now: datetime, attempts: int, *, for_good: bool = False) -> datetime:
    """Say when people are tried again who could not be told: after 1, 2, 4 … minutes, 30 at most.

    Args:
        for_good: they were refused for what it is: only what somebody mends meanwhile helps.
    """
    if for_good:
        return now + _LONGEST_WAIT
    return now + min(timedelta(minutes=2 ** min(attempts - 1, 10)), _LONGEST_WAIT)


def incident_ids(outputs: JsonObject) -> tuple[str, ...]:
    """Give the provider's own ids of the events that a check lists: AWS's ARNs, Statuspage's ids."""
    listed = outputs.get("events")
    found: list[str] = []
    for event in listed if isinstance(listed, list | tuple) else []:
        if isinstance(event, Mapping):
            name = event.get("arn") or event.get("id")
            found += [name[:300]] if isinstance(name, str) else []
    return tuple(sorted(dict.fromkeys(found)))


def _is_news(old: Sighting, new: Sighting, *, told_of: bool) -> bool:
    if (old.verdict, old.definition, old.incidents) != (new.verdict, new.definition, new.incidents):
        return True
    if old.at > new.at or new.verdict != "holds" or told_of:
        return old.at > new.at
    # How long it has held counts, also for a process that goes on from here.
    return new.held_since == new.held_until or new.at - (old.held_until or old.at) >= _KEEP_TELLING


def _alarmed(board: AlarmBoard, standing: Alarm | None, watch: Watch, look: Look, since: datetime) -> Iterable[Event]:
    """Raise an alarm, once for one incident; what joins a standing one is only recorded."""
    if standing is not None:
        fresh = tuple(one for one in look.incidents if one not in standing.incidents)
        if fresh and standing.incidents and look.at - standing.at > SAME_TROUBLE:
            yield AlarmOver(alarm=standing.id, at=look.at, why=f"other trouble came to it: {', '.join(fresh)}")
            yield AlarmRaised(alarm=alarm_of(watch.then, watch, look, since), evidence=look.evidence)
        elif fresh or watch.id not in standing.triggers:
            yield AlarmGrew(alarm=standing.id, triggers=(watch.id,), incidents=fresh, why=look.why)
        return
    alarm = alarm_of(watch.then, watch, look, since)
    if look.incidents and set(look.incidents) <= set(board.told.get(alarm.subject, ())):
        yield AlarmReturned(alarm=alarm.model_copy(update={"again": True}))
    else:
        yield AlarmRaised(alarm=alarm, evidence=look.evidence)


def _is_quiet(sighting: Sighting | None, alarm: Alarm, watch: Watch, now: datetime) -> bool:
    if sighting is None:
        return False
    if alarm.about == "blind":
        return sighting.known_since is not None and now - sighting.known_since >= QUIET
    if sighting.verdict != "clear" or sighting.clear_since is None:
        return False
    return now - sighting.clear_since >= max(QUIET, watch.held_for)
