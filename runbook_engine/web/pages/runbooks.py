"""The runbooks of the project, each with what is due for it and how it last ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from runbook_engine.app.compliance import duties
from runbook_engine.app.list_runbooks import RunbookLine, list_runbooks
from runbook_engine.model.compliance import Duty
from runbook_engine.ports.journal import RunHead
from runbook_engine.reporting.compliance import duty_line
from runbook_engine.web.pages.compliance import SOON
from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Line:
    """A runbook as it is listed: what is due for it, in words, and its newest run."""

    runbook: RunbookLine
    url: str
    duties: list[tuple[Duty, str]]
    last: RunHead | None


def page(source: Source, viewer: Viewer | None, _query: Mapping[str, str]) -> str:
    """Write the list.

    Raises:
        JournalError: the journal can't be read, or a run that would count was changed after it was written.
        InvalidInputError: the folder of runbooks can't be read.
    """
    now = datetime.now(UTC)
    owed = duties(source.project, now, SOON)
    newest: dict[str, RunHead] = {}
    for head in source.journal.runs():
        newest.setdefault(head.runbook, head)
    lines = [
        Line(
            runbook=one,
            url=f"/runbooks/{quote(one.file, safe='')}",
            duties=[(duty, duty_line(duty, now)) for duty in owed if duty.runbook == one.name],
            last=newest.get(one.name),
        )
        for one in list_runbooks(source.project)
    ]
    return render("runbooks.html.j2", viewer, title="Runbooks", lines=lines)
