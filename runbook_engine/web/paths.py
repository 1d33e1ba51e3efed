"""Names in a path, made sure of: whatever is no name that could exist is not there."""

import re

from runbook_engine.model.event import MONITOR
from runbook_engine.ports.journal import RunHead
from runbook_engine.web.replies import RefusedError
from runbook_engine.web.source import Source

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_FILES = (".yml", ".yaml")


def run_of(source: Source, run: str) -> RunHead:
    """Give a run by its whole id.

    Raises:
        RefusedError: there is none.
        JournalError: the journal can't be read.
    """
    head = source.journal.head(run) if _NAME.fullmatch(run) else None
    if head is None or head.mode == MONITOR:
        raise RefusedError(404, "there is no such run")
    return head


def check_runbook(name: str) -> None:
    """Make sure that a name can only be that of a runbook in the project's folder of runbooks.

    Raises:
        RefusedError: it can't.
    """
    if not _NAME.fullmatch(name) or name.endswith(_FILES):
        raise RefusedError(404, "there is no such runbook")
