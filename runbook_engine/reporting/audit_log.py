"""The journal as text lines: number, time, who, kind, what; nothing in it can play with a terminal."""

from collections.abc import Iterable, Iterator

from runbook_engine.model.event import StoredEvent
from runbook_engine.model.json import canonical_json
from runbook_engine.reporting.inert import one_line

_SUBJECTS = ("task", "trigger", "audience", "runbook", "holder", "text")
_LIMIT = 400


def audit_lines(events: Iterable[StoredEvent]) -> Iterator[str]:
    """Give one line for each event; what is in its default state is left out."""
    for stored in events:
        actor = stored.actor
        by = actor.name if actor.kind == "person" else f"[{actor.name}]"
        who = one_line(f"{by}@{actor.host}" if actor.host else by, limit=60)
        time = stored.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield f"{stored.seq:>6}  {time}  {who:<20}  {stored.event.kind:<19}  {_what(stored)}".rstrip()


def _what(stored: StoredEvent) -> str:
    """Say the event's subject first, then the rest by name."""
    told = stored.event.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})
    subject = next((name for name in _SUBJECTS if name in told), "")
    first = [str(told.pop(subject))] if subject else []
    rest = [f"{name}={value if isinstance(value, str) else canonical_json(value)}" for name, value in told.items()]
    return one_line("  ".join(first + rest), limit=_LIMIT)
