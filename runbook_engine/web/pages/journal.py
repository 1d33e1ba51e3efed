"""The journal: how much it holds, and the proof that nobody changed it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from runbook_engine.app.audit import Verification, verify
from runbook_engine.app.check_once import Checked
from runbook_engine.web.pages.heads import head_of
from runbook_engine.web.pages.render import render
from runbook_engine.web.source import Source
from runbook_engine.web.viewer import Viewer

_MOST_SHOWN = 100  # damages


def page(source: Source, viewer: Viewer | None, query: Mapping[str, str]) -> str:
    """Write the page; with `query["check"]` the chain is checked for it: of `query["run"]`, or of the whole journal.

    A big journal is checked while the page says so, and comes again.

    Raises:
        UsageError: there is no such run.
        JournalError: the journal can't even be read.
    """
    head = head_of(source, query["run"]) if query.get("run") else None
    found: Verification | None = None
    whole: Checked | None = None
    if query.get("check") and head is not None:
        found = verify(source.journal, head.id)
    elif query.get("check"):
        whole = source.check.ask(source.journal)
        found = whole.found
    newest = source.journal.runs(limit=1)
    return render(
        "journal.html.j2",
        viewer,
        title="Journal",
        head=head,
        found=found,
        at=whole.ended if whole is not None and whole.ended is not None else datetime.now(UTC),
        going_on=whole if whole is not None and whole.found is None else None,
        damages=found.damages[:_MOST_SHOWN] if found else (),
        more=max(0, len(found.damages) - _MOST_SHOWN) if found else 0,
        newest=newest[0] if newest else None,
    )
