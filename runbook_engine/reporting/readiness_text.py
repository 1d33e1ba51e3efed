"""What changed in a runbook's readiness, in words: as the names that templates of messages see as `alarm`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast

from runbook_engine.model.event import ReadinessAssessed
from runbook_engine.model.json import JsonObject
from runbook_engine.model.readiness import Level, ReadinessFinding
from runbook_engine.model.report import RunReport
from runbook_engine.model.runbook import Runbook
from runbook_engine.model.team import Team
from runbook_engine.reporting import words
from runbook_engine.reporting.inert import one_line

_MOST = 50  # findings in a message; all of them are in the report


def readiness_facts(
    identity: str,
    runbook: Runbook,
    report: RunReport,
    assessed: ReadinessAssessed,
    at: datetime,
    known: Sequence[str],
    team: Team,
) -> JsonObject:
    """Give the names of an alarm (`alarm_text.alarm_facts`) for a change of readiness; all of it is data.

    Args:
        identity: of the message.
        known: what was missing or unknown when people were told last.
    """
    counted = [one for one in assessed.findings if one.counts]
    new = [one for one in counted if one.what not in known]
    gone = [what for what in known if what not in {one.what for one in counted}]
    owner = runbook.owner or ""
    people = [person for person in team.people.values() if owner and owner in person.roles]
    missing = sum(one.level is Level.MISSING for one in counted)
    told = [f"{missing} missing"] if missing else []
    told += [f"{len(new)} new"] if new else []
    told += [f"{len(gone)} gone"] if gone else []
    name = f"{one_line(report.runbook)} on {one_line(report.inventory)}"
    subject = f"{name}: {', '.join([words.READINESS[assessed.verdict], *told])}"
    command = f"runbook report {report.run}"
    lines = [subject, *([f"runbook: {runbook.title}"] if runbook.title else [])]
    lines += [*_new(new), *_gone(gone), f"looked: {words.moment(at)}; all of it: {command}"]
    lines.append("The look changed nothing, and started nothing.")
    return cast(
        "JsonObject",
        {
            "id": identity,
            "about": "readiness",
            "phase": "raised" if counted else "over",
            "subject": subject,
            "text": "\n".join(lines),
            "emails": [person.email for person in people if person.email],
            "runbook": report.runbook,
            "inventory": report.inventory,
            "title": runbook.title,
            "owner": owner,
            "triggers": [],
            "since": at.isoformat(),
            "at": at.isoformat(),
            "why": "; ".join([*(one_line(one.text) for one in new), *(f"gone: {one_line(what)}" for what in gone)]),
            "command": command,
            "rehearsal": "",
            "asks": {},
            "open_run": "",
            "incidents": [],
            "again": False,
        },
    )


def _new(found: Sequence[ReadinessFinding]) -> Iterator[str]:
    if found:
        yield "new:"
    for one in found[:_MOST]:
        unsure = "could not be asked: " if one.level is Level.UNKNOWN else ""
        yield f"  {unsure}{one.area.value}: {one_line(one.text, limit=600)}"
        if one.hint:
            yield f"    help: {one_line(one.hint, limit=400)}"
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST} more"


def _gone(found: Sequence[str]) -> Iterator[str]:
    if found:
        yield "gone:"
    yield from (f"  {one_line(what, limit=400)}" for what in found[:_MOST])
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST} more"
