"""An alarm in words: for the terminal, and as the names that templates of messages see."""

from datetime import datetime
from typing import cast

from runbook_engine.model.event_monitor import Alarm, Phase
from runbook_engine.model.json import JsonObject
from runbook_engine.model.team import Team


def alarm_facts(alarm: Alarm, phase: Phase, team: Team) -> JsonObject:
    """Give what templates of messages see as `alarm`; all of it is data, never a template."""
    facts = alarm.model_dump(mode="json")
    people = [person for person in team.people.values() if alarm.owner and alarm.owner in person.roles]
    return cast(
        "JsonObject",
        {
            **facts,
            "phase": phase,
            "subject": alarm_title(alarm, phase),
            "text": alarm_body(alarm, phase),
            "emails": [person.email for person in people if person.email],
        },
    )


def alarm_title(alarm: Alarm, phase: Phase = "raised") -> str:
    """Say an alarm in one line."""
    if alarm.about == "blind":
        what = f"{alarm.triggers[0]} can't be told: nobody knows whether it holds"
    elif alarm.about == "propose":
        what = f"{alarm.runbook} on {alarm.inventory} is proposed"
    else:
        what = f"a trigger of {alarm.runbook} on {alarm.inventory} holds"
    return f"over: {what}" if phase == "over" else what


def alarm_body(alarm: Alarm, phase: Phase = "raised") -> str:
    """Say all of an alarm, what to do included."""
    lines = [alarm_title(alarm, phase)]
    if alarm.title:
        lines.append(f"runbook: {alarm.title}")
    lines += [f"seen: {alarm.why}", f"since: {_time(alarm.since)}, raised: {_time(alarm.at)}"]
    if alarm.incidents:
        lines.append(f"reported as: {', '.join(alarm.incidents)}")
    if phase == "over":
        lines.append("It is not so any more, for a while now. The monitor started nothing, and ended nothing.")
        return "\n".join(lines)
    if alarm.about == "blind":
        lines.append("Not to know is neither up nor down: look for yourself, and at why it can't be read.")
    if alarm.open_run:
        lines.append(f"A run of it is open already: runbook status {alarm.open_run}")
    if alarm.command:
        lines += ["Nothing was started. To rehearse it, and to do it:", f"  {alarm.rehearsal}", f"  {alarm.command}"]
        lines += [f"  {name.upper()}: {text}" for name, text in alarm.asks.items()]
    return "\n".join(lines)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
