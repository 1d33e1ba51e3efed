"""Reads status pages' own formats: AWS's public event feed and Statuspage's summary."""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

State = Literal["active", "clear", "maintenance", "unknown"]

AWS_STATUSES = frozenset({"0", "1", "2", "3"})
SEVERITIES: Mapping[str, int] = {"informational": 1, "degraded": 2, "disrupted": 3}
RESOLVED_MARK = "[RESOLVED]"
ARN_REGION = 3
INDICATORS: Mapping[str, State] = {
    "none": "clear",
    "minor": "active",
    "major": "active",
    "critical": "active",
    "maintenance": "maintenance",
}
COMPONENTS: Mapping[str, State] = {
    "operational": "clear",
    "degraded_performance": "active",
    "partial_outage": "active",
    "major_outage": "active",
    "under_maintenance": "maintenance",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page says: the state, why, and the events that say so.

    `unknown` is neither up nor down: the page could not be read, or it uses words that nobody here knows.
    """

    state: State
    why: str
    events: tuple[Mapping[str, JsonValue], ...] = ()


def read_aws(body: bytes, region: str | None, *, at_least: str = "informational") -> Reading:
    """Read AWS's feed (UTF-16 with a byte order mark, or any other encoding that JSON has).

    An event counts when its ARN names the region and it has no end, its status is not resolved, and its summary
    doesn't begin with AWS's mark for resolved ones. Resolved events stay in the feed for a while.

    Args:
        at_least: less grave events don't count; one of `SEVERITIES`.
    """
    document = _parse(body)
    if not isinstance(document, list):
        return Reading("unknown", "the feed is not a JSON list of events")
    where = region or "any region"
    events: list[Mapping[str, JsonValue]] = []
    strange = 0
    for item in document:
        if not isinstance(item, dict) or not _is_event(item):
            strange += 1
        elif (region is None or _arn_region(item) == region) and _is_active(item, SEVERITIES[at_least]):
            events.append(item)
    if events:
        return Reading("active", f"{len(events)} active in {where}: {_summaries(events)}", tuple(events))
    if strange:
        return Reading("unknown", f"{strange} of {len(document)} events of the feed have an unknown form")
    return Reading("clear", f"no active event in {where}")


def read_statuspage(body: bytes, components: Sequence[str]) -> Reading:
    """Read a Statuspage summary: the page's indicator, or only the components that are named (by name or id)."""
    document = _parse(body)
    if not isinstance(document, dict):
        return Reading("unknown", "the page's summary is not a JSON object")
    if components:
        return _read_components(document, components)
    status = document.get("status")
    indicator = status.get("indicator") if isinstance(status, dict) else None
    state = INDICATORS.get(indicator, "unknown") if isinstance(indicator, str) else "unknown"
    incidents = _incidents(document)
    named = f": {_summaries(incidents)}" if incidents else ""
    return Reading(state, f"the page's indicator is {indicator!r}{named}", incidents)


def _read_components(document: Mapping[str, JsonValue], wanted: Sequence[str]) -> Reading:
    # A page may have several components of one name, in different groups: each of them counts.
    found: list[tuple[str, str]] = []
    named: set[str] = set(wanted)
    listed = document.get("components")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            keys = [key for key in (item.get("name"), item.get("id")) if isinstance(key, str)]
            if key := next((key for key in keys if key in wanted), None):
                found.append((key, str(item.get("status"))))
                named.update(keys)
    missing = [name for name in wanted if name not in {key for key, _ in found}]
    states = {COMPONENTS.get(word, "unknown") for _, word in found} | ({"unknown"} if missing else set())
    words = [f"{name} is {word}" for name, word in found] + [f"{name} is not on the page" for name in missing]
    order: tuple[State, ...] = ("active", "unknown", "maintenance", "clear")
    state = next(state for state in order if state in states)
    incidents = tuple(one for one in _incidents(document) if _concerns(one, named))
    return Reading(state, "; ".join(words), incidents)


def _concerns(incident: Mapping[str, JsonValue], named: AbstractSet[str]) -> bool:
    """Whether an incident is about one of the components; one that names none may be about any."""
    listed = incident.get("components")
    parts = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
    return not parts or any(part.get("name") in named or part.get("id") in named for part in parts)


def _parse(body: bytes) -> JsonValue:
    """Give the JSON value of the bytes, None when they are none: the encoding is told by the bytes themselves."""
    try:
        value: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value


def _is_event(item: Mapping[str, JsonValue]) -> bool:
    return isinstance(item.get("arn"), str) and str(item.get("status")) in AWS_STATUSES


def _is_active(item: Mapping[str, JsonValue], least: int) -> bool:
    resolved = str(item.get("summary", "")).lstrip().upper().startswith(RESOLVED_MARK)
    return not item.get("end_time") and int(str(item.get("status"))) >= least and not resolved


def _arn_region(item: Mapping[str, JsonValue]) -> str:
    parts = str(item["arn"]).split(":")
    return parts[ARN_REGION] if len(parts) > ARN_REGION else ""


def _incidents(document: Mapping[str, JsonValue]) -> tuple[Mapping[str, JsonValue], ...]:
    listed = document.get("incidents")
    return tuple(item for item in listed if isinstance(item, dict)) if isinstance(listed, list) else ()


def _summaries(events: Sequence[Mapping[str, JsonValue]]) -> str:
    titles = [str(event.get("summary") or event.get("name") or "without a title") for event in events]
    more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""  # noqa: PLR2004 - three titles fit into a line
    return ", ".join(titles[:3]) + more
