"""Which drills, reviews and copies are due, or overdue."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from runbook_engine.app.compliance import duties
from runbook_engine.reporting.compliance import calendar, duty_line
from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

SOON = timedelta(days=30)


def calendar_file(source: Source) -> bytes:
    """Give the due dates as an iCalendar file.

    Raises:
        JournalError, InvalidInputError: see `page`.
    """
    now = datetime.now(UTC)
    return calendar(duties(source.project, now, SOON), now)


def json_file(source: Source) -> bytes:
    """Give what `runbook compliance --output json` prints.

    Raises:
        JournalError, InvalidInputError: see `page`.
    """
    found = duties(source.project, datetime.now(UTC), SOON)
    return json.dumps([duty.model_dump(mode="json") for duty in found], ensure_ascii=False, indent=2).encode() + b"\n"


def page(source: Source, viewer: Viewer | None, _query: Mapping[str, str]) -> str:
    """Write the page, from what `runbook compliance` tells.

    Raises:
        JournalError: the journal can't be read, or a run that would count was changed after it was written.
        InvalidInputError: the folder of runbooks can't be read.
    """
    now = datetime.now(UTC)
    found = duties(source.project, now, SOON)
    return render(
        "compliance.html.j2",
        viewer,
        title="Compliance",
        duties=[(one, duty_line(one, now)) for one in found],
        breaches=sum(one.state.is_breach for one in found),
        now_is=now,
    )
