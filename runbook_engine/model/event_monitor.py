"""Events of `runbook monitor`: what triggers were seen to say, the alarms that came of it, who was told."""

from datetime import datetime
from typing import Literal

from runbook_engine.model.base import Frozen
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Outcome

MONITOR = "monitor"  # what stands for a mode and a runbook where the journal lists a record of the monitor's

Verdict = Literal["holds", "clear", "unknown"]
About = Literal["propose", "notify", "blind"]
Phase = Literal["raised", "over"]


class Sighting(Frozen):
    """Where a trigger stands after its newest look; times are UTC.

    Attributes:
        verdict: the condition holds, does not (`clear`), or nobody can tell.
        definition: digest of the condition as it was then; another one begins anew.
        held_since: the first look that saw it hold with no clear one since; None while it is clear. A look that
            can't tell neither ends nor proves that it holds.
        held_until: the newest recorded look that saw it hold.
        clear_since: since when every look that could tell saw it clear; None while it holds.
        unknown_since: since when no look could tell; None otherwise.
        known_since: since when every look could tell; None while they can't.
        incidents: the provider's own ids of what it reports.
    """

    verdict: Verdict
    definition: str
    at: datetime
    held_since: datetime | None = None
    held_until: datetime | None = None
    clear_since: datetime | None = None
    unknown_since: datetime | None = None
    known_since: datetime | None = None
    incidents: tuple[str, ...] = ()


class Alarm(Frozen):
    """Something that people have to know: a runbook is proposed, its trigger fired, or a trigger can't be told.

    Attributes:
        id: the same however often it is told; follows from the trigger and the time alone.
        about: `propose`, `notify` (as the trigger says), or `blind` (nobody can tell what the trigger waits for).
        triggers: ids of the triggers that it is about; further ones of the same runbook join it.
        since: when the condition was first seen to hold (or not to be readable).
        at: when the alarm was raised.
        command: what a person types to begin the runbook; empty for `blind`.
        rehearsal: the same as a dry run.
        asks: description of each input that the command still lacks, by name.
        open_run: id of a run of the runbook that is open already; empty when there is none.
        incidents: the provider's ids of what was reported.
        again: people were told of these incidents before; nobody is told once more.
    """

    id: str
    about: About
    runbook: str
    inventory: str
    title: str = ""
    owner: str = ""
    triggers: tuple[str, ...]
    since: datetime
    at: datetime
    why: str = ""
    command: str = ""
    rehearsal: str = ""
    asks: dict[str, str] = {}
    open_run: str = ""
    incidents: tuple[str, ...] = ()
    again: bool = False

    @property
    def subject(self) -> str:
        """What the alarm is about: only one of a subject stands at a time."""
        return f"{self.about}:{self.triggers[0] if self.about == 'blind' else self.runbook}"


class Telling(Frozen):
    """How far it is with telling people of an alarm over one channel.

    Attributes:
        attempts: how many were made; their `number` goes on from there.
        next_at: not before then is it tried again; None once it was told.
        outputs: what the action gave of what was done, so that nobody is told a second time by a retry.
    """

    told: bool = False
    attempts: int = 0
    next_at: datetime | None = None
    outputs: JsonObject = {}


class AlarmState(Frozen):
    """An alarm and what became of it; `over_at` is None while it stands, `tellings` go by phase and channel."""

    alarm: Alarm
    over_at: datetime | None = None
    tellings: dict[str, Telling] = {}


class MonitorState(Frozen):
    """Everything the monitor knows, as one value: it follows from its events.

    Attributes:
        triggers: newest sighting by trigger.
        alarms: those that stand, and those whose end is still to be told, by id.
        told: by subject, the provider's ids of incidents that people were told of, newest last.
    """

    triggers: dict[str, Sighting] = {}
    alarms: dict[str, AlarmState] = {}
    told: dict[str, tuple[str, ...]] = {}


class MonitorOpened(Frozen):
    """A record of the monitor's begins; `previous_*` tie it to the journal as those of run.opened do.

    Attributes:
        state: what the record before it ended with.
    """

    kind: Literal["monitor.opened"] = "monitor.opened"
    schema_version: int = 1
    inventory: str
    engine_version: str
    state: MonitorState = MonitorState()
    previous_run: str | None = None
    previous_hash: str | None = None
    previous_pruning: str | None = None


class MonitorClosed(Frozen):
    """A record of the monitor's is full; the next one goes on from its state."""

    kind: Literal["monitor.closed"] = "monitor.closed"


class TriggerSeen(Frozen):
    """A look at a trigger that showed something new, or that it still holds."""

    kind: Literal["trigger.seen"] = "trigger.seen"
    trigger: str
    why: str = ""
    sighting: Sighting


class AlarmRaised(Frozen):
    """An alarm begins to stand; `evidence` has what the look gave, raw answers included."""

    kind: Literal["alarm.raised"] = "alarm.raised"
    alarm: Alarm
    evidence: JsonObject = {}


class AlarmGrew(Frozen):
    """A standing alarm is about more than it was: other triggers of the runbook, other incidents of the provider's."""

    kind: Literal["alarm.grew"] = "alarm.grew"
    alarm: str
    triggers: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    why: str = ""


class AlarmReturned(Frozen):
    """Incidents that people were told of before are reported again after they were over: told of once already."""

    kind: Literal["alarm.returned"] = "alarm.returned"
    alarm: Alarm


class AlarmOver(Frozen):
    """An alarm stands no longer."""

    kind: Literal["alarm.over"] = "alarm.over"
    alarm: str
    at: datetime
    why: str = ""


class AlarmTold(Frozen):
    """An attempt to tell people of an alarm ended; one whose end is unknown counts as failed, and is made again.

    Attributes:
        channel: place and action of the telling in runbook.toml: `1:notify.email`.
        next_at: when it is tried again; None when it was told.
    """

    kind: Literal["alarm.told"] = "alarm.told"
    alarm: str
    phase: Phase
    channel: str
    number: int
    outcome: Outcome
    error: str = ""
    next_at: datetime | None = None
    outputs: JsonObject = {}
