"""The journal: how much it holds, and the proof that nobody changed it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from runbook_engine.app.audit import verify
from runbook_engine.web.pages.heads import head_of
from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_MOST_SHOWN = 100  # damages


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page; with `query["check"]` the chain is checked for it: of `query["run"]`, or of the whole journal.

    Raises:
        UsageError: there is no such run.
        JournalError: the journal can't even be read.
    """
    head = head_of(source, query["run"]) if query.get("run") else None
    found = verify(source.journal, head.id if head else None) if query.get("check") else None
    newest = source.journal.runs(limit=1)
    return render(
        "journal.html.j2",
        viewer,
        title="Journal",
        head=head,
        found=found,
        at=datetime.now(UTC),
        damages=found.damages[:_MOST_SHOWN] if found else (),
        more=max(0, len(found.damages) - _MOST_SHOWN) if found else 0,
        newest=newest[0] if newest else None,
    )
