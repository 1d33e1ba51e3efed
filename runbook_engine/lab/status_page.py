"""What the emulated status pages say: AWS's public event feed and a Statuspage v2 page, for a given state."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from runbook_engine.lab.errors import LabError

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | bool | None"

AWS_CONTENT_TYPE = "application/json;charset=utf-16"
AWS_STATES = ("clear", "degraded", "garbage", "down")
PAGE_STATES = ("none", "minor", "major", "critical", "maintenance", "garbage", "down")
REGIONS = {"us-east-1": "N. Virginia", "eu-west-1": "Ireland"}
FIRST_NOTICE_BEFORE = timedelta(minutes=3)
IMPACTED = {
    "ec2": "Amazon Elastic Compute Cloud",
    "rds": "Amazon Relational Database Service",
    "s3": "Amazon Simple Storage Service",
    "elasticloadbalancing": "Amazon Elastic Load Balancing",
}
PAGE = {
    "id": "labstatus001",
    "name": "Jira Software",
    "url": "https://jira-software.status.example.com",
    "time_zone": "Etc/UTC",
}
DESCRIPTIONS = {
    "none": "All Systems Operational",
    "minor": "Minor Service Outage",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
    "maintenance": "Service Under Maintenance",
}
COMPONENT_STATUS = {
    "none": "operational",
    "minor": "degraded_performance",
    "major": "partial_outage",
    "critical": "major_outage",
    "maintenance": "under_maintenance",
}
OPERATIONAL = "operational"
DOCUMENTS = frozenset({"summary", "status", "components", "incidents/unresolved"})


@dataclass(frozen=True, slots=True)
class StatusState:
    """What both pages show, and since when; times are UTC."""

    changed: datetime
    aws: str = "clear"
    aws_region: str = "us-east-1"
    aws_since: datetime | None = None
    aws_until: datetime | None = None
    statuspage: str = "none"
    statuspage_since: datetime | None = None


def switch(state: StatusState, changes: Mapping[str, object], now: datetime) -> StatusState:
    """The state after `{"aws": …, "aws_region": …, "statuspage": …}`; raises LabError for unknown words."""
    allowed = {"aws": AWS_STATES, "aws_region": tuple(REGIONS), "statuspage": PAGE_STATES}
    for key, value in changes.items():
        if key not in allowed:
            raise LabError(f"no such part of the state: {key!r}", f"known are {', '.join(allowed)}")
        if value not in allowed[key]:
            raise LabError(f"{key} cannot be {value!r}", f"choose one of {', '.join(allowed[key])}")
    new = replace(state, changed=now, aws_region=str(changes.get("aws_region", state.aws_region)))
    if "aws" in changes:
        new = replace(new, aws=str(changes["aws"]))
        if new.aws == "degraded" and (state.aws_since is None or state.aws_until is not None):
            new = replace(new, aws_since=now, aws_until=None)
        elif new.aws == "clear" and state.aws_since is not None and state.aws_until is None:
            new = replace(new, aws_until=now)
    if "statuspage" in changes:
        page = str(changes["statuspage"])
        since = None if page == "none" else (state.statuspage_since or now)
        new = replace(new, statuspage=page, statuspage_since=since)
    return new


def describe(state: StatusState) -> dict[str, Json]:
    """The state as a JSON document."""
    return {key: _iso(value) if isinstance(value, datetime) else value for key, value in asdict(state).items()}


def aws_feed(state: StatusState) -> bytes | None:
    """The body of `/public/currentevents`: UTF-16BE with a byte order mark; None when the page is down."""
    if state.aws == "down":
        return None
    if state.aws == "garbage":
        return codecs.BOM_UTF16_BE + '[{"date": "17954'.encode("utf-16-be") + b"\x00"
    if state.aws_since is None:
        events: list[Json] = []
    else:
        events = [_region_event(state, state.aws_since), _resolved_event(state.aws_since)]
    text = json.dumps(events, ensure_ascii=False, separators=(",", ":"))
    return codecs.BOM_UTF16_BE + text.encode("utf-16-be")


def statuspage_document(name: str, state: StatusState) -> bytes | None:
    """The body of `/api/v2/<name>.json`; None when the page is down. Raises KeyError for an unknown name."""
    if state.statuspage == "down":
        return None
    if state.statuspage == "garbage":
        return b"<html><body>Please stand by</body></html>"
    page: dict[str, Json] = {**PAGE, "updated_at": _iso(state.changed)}
    incidents = _incidents(state)
    components: list[Json] = [_component(state, "Search", 1), _component(state, "Viewing content", 2)]
    status: dict[str, Json] = {
        "indicator": state.statuspage,
        "description": DESCRIPTIONS[state.statuspage],
    }
    parts: dict[str, dict[str, Json]] = {
        "status": {"status": status},
        "components": {"components": components},
        "incidents/unresolved": {"incidents": incidents},
        "summary": {
            "components": components,
            "incidents": incidents,
            "scheduled_maintenances": [],
            "status": status,
        },
    }
    return json.dumps({"page": page, **parts[name]}).encode()


def _region_event(state: StatusState, since: datetime) -> dict[str, Json]:
    """A regional outage: first noticed three minutes before it was confirmed at `since`."""
    region, place = state.aws_region, REGIONS[state.aws_region]
    over = state.aws_until
    summary = "Increased Error Rates" if over is None else "[RESOLVED] Increased Error Rates"
    first = since - FIRST_NOTICE_BEFORE
    log: list[Json] = [
        _entry(f"We are investigating increased error rates for multiple services in {region.upper()}.", 1, first),
        _entry(f"We confirm loss of power in the {region.upper()} Region and work towards recovery.", 3, since),
    ]
    if over is not None:
        log.append({**_entry("The issue has been resolved.", 0, over), "summary": summary})
    now = "3" if over is None else "0"
    code = "AWS_MULTIPLE_SERVICES_OPERATIONAL_ISSUE"
    event: dict[str, Json] = {
        "date": _epoch(first),
        "arn": f"arn:aws:health:{region}::event/MULTIPLE_SERVICES/{code}/{code}_LAB01_{_epoch(first)}",
        "region_name": place,
        "status": now,
        "service": f"multipleservices-{region}",
        "service_name": "Multiple services",
        "summary": summary,
        "event_log": log,
        "impacted_services": {
            f"{name}-{region}": {"service_name": title, "current": now, "max": "3"} for name, title in IMPACTED.items()
        },
    }
    return event if over is None else {**event, "end_time": _epoch(over)}


def _resolved_event(since: datetime) -> dict[str, Json]:
    """An older event elsewhere: the real feed keeps what is over, and a reader must not trip on it."""
    began, ended = since - timedelta(hours=5), since - timedelta(hours=4)
    summary = "[RESOLVED] Elevated Packet Loss"
    code = "AWS_DIRECTCONNECT_OPERATIONAL_ISSUE"
    return {
        "date": _epoch(began),
        "arn": f"arn:aws:health:ap-south-1::event/DIRECTCONNECT/{code}/{code}_LAB02_{_epoch(began)}",
        "region_name": "Mumbai",
        "status": "0",
        "service": "directconnect-ap-south-1",
        "service_name": "AWS Direct Connect",
        "summary": summary,
        "event_log": [{**_entry("The issue has been resolved.", 0, ended), "summary": summary}],
        "end_time": _epoch(ended),
    }


def _entry(message: str, status: int, at: datetime) -> dict[str, Json]:
    return {
        "summary": "Increased Error Rates",
        "message": message,
        "status": status,
        "timestamp": int(at.timestamp()),
    }


def _incidents(state: StatusState) -> list[Json]:
    since = state.statuspage_since
    if since is None or state.statuspage == "maintenance":
        return []
    at = _iso(since)
    component = _component(state, "Search", 1)
    affected: Json = {
        "code": component["id"],
        "name": "Search",
        "old_status": OPERATIONAL,
        "new_status": component["status"],
    }
    update: Json = {
        "id": "labupdate0001",
        "status": "investigating",
        "body": "We are investigating an issue affecting issue search.",
        "incident_id": "labincident01",
        "created_at": at,
        "updated_at": at,
        "display_at": at,
        "affected_components": [affected],
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }
    incident: Json = {
        "id": "labincident01",
        "name": "Issue search degraded",
        "status": "investigating",
        "created_at": at,
        "updated_at": at,
        "monitoring_at": None,
        "resolved_at": None,
        "impact": state.statuspage,
        "shortlink": "https://stspg.example/lab01",
        "started_at": at,
        "page_id": PAGE["id"],
        "incident_updates": [update],
        "components": [component],
        "reminder_intervals": None,
    }
    return [incident]


def _component(state: StatusState, name: str, position: int) -> dict[str, Json]:
    hit = name == "Search" or state.statuspage == "critical"
    return {
        "id": f"labcomponent{position}",
        "name": name,
        "status": COMPONENT_STATUS[state.statuspage] if hit else OPERATIONAL,
        "created_at": "2020-01-02T03:04:05.000Z",
        "updated_at": _iso(state.changed),
        "position": position,
        "description": None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": PAGE["id"],
        "group": False,
        "only_show_if_degraded": False,
    }


def _epoch(at: datetime) -> str:
    return str(int(at.timestamp()))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
