"""From a template and values to the text of a page: all that is shown is escaped, and inert besides."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from runbook_engine.reporting import words
from runbook_engine.reporting.html import inert
from runbook_engine.web.viewer import Viewer

# Nothing is told by colour alone: each state has a sign of its own, and stands beside it in a word.
_SIGNS = {
    "changed": "✓", "unchanged": "✓", "would-change": "≈", "succeeded": "✓", "approved": "✓", "passed": "✓",
    "answered": "✓", "proven": "✓", "ok": "✓", "ready": "✓", "sent": "✓", "done": "✓", "intact": "✓",
    "failed": "✕", "unreachable": "✕", "declined": "✕", "aborted": "✕", "expired": "✕", "refused": "✕", "missing": "✕",
    "overdue": "✕", "invalid": "✕", "not-ready": "✕", "missed": "✕", "never": "✕", "damaged": "✕",
    "waiting": "?", "waits": "?", "held": "‖", "paused": "‖", "in-doubt": "?", "in doubt": "?", "unknown": "?",
    "drifted": "!", "blocked": "⊘", "unproven": "?", "simulated": "≈", "due-soon": "!", "owed": "!", "note": "i",
    "running": "▸", "skipped": "↷", "pending": "·", "open": "▸", "stopped": "■", "pruned": "·",
}  # fmt: skip


def render(template: str, viewer: Viewer | None, **values: object) -> str:
    """Write a page.

    Args:
        viewer: None on pages that anybody may see.
        values: what the template names.
    """
    return environment().get_template(template).render(viewer=viewer, **values)


@cache
def environment() -> Environment:
    """Give the templates; those that reports are made from, too, for what both draw alike."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("runbook_engine.web"), PackageLoader("runbook_engine.reporting")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(words=words, now=_now)
    made.filters.update(sign=sign, style=style, iso=iso, clock=clock_text, page=page_query)
    return made


def sign(word: str) -> str:
    """Give the sign of a state."""
    return _SIGNS.get(word, "·")


def style(word: str) -> str:
    """Give the class of a state: its word, as far as that can be a class."""
    return word.replace(" ", "-") if word in _SIGNS else "other"


def iso(time: datetime | None) -> str:
    """Write a time for `datetime` attributes, which scripts read."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds") if time else ""


def clock_text(seconds: float) -> str:
    """Write a duration as a clock shows it: `4:10`, `1:02:03`; the script goes on in the same way."""
    minutes, rest = divmod(int(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def page_query(values: Mapping[str, str]) -> dict[str, str]:
    """Give the values of a query that are said at all."""
    return {name: value for name, value in values.items() if value}


def _now() -> str:
    return iso(datetime.now(UTC))
