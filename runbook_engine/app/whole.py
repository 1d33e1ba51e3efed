"""Refuses what the journal has of a run when it is not what was written."""

from runbook_engine.model.errors import JournalError
from runbook_engine.ports.journal import Journal


def refuse_damaged(journal: Journal, run: str) -> None:
    """Verify a run's record: its chain, and what the journal lists of it.

    Raises:
        JournalError: it is damaged.
    """
    if damages := journal.verify(run):
        raise JournalError(
            f"the record of run {run} is damaged, and nothing is concluded from it: {damages[0].problem}",
            hint=f"`runbook audit verify {run}` names all that was changed; keep the journal as it is",
        )
