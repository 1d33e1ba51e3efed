"""Which drills, reviews and copies are due, or overdue."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from runbook_engine.app.compliance import duties
from runbook_engine.reporting.compliance import duty_line
from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

SOON = timedelta(days=30)


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
