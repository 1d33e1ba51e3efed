"""Bounds how many findings one look at a file gives, so that a file of mistakes alone fills no memory."""

from collections.abc import Iterable
from itertools import islice

from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.rules import diagnostic

MOST_FINDINGS = 1_000


def bounded(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Keep the first findings; where there are more, a last one (RB018) says so, and the rest is never made."""
    kept = list(islice(found, MOST_FINDINGS + 1))
    if len(kept) > MOST_FINDINGS:
        kept[-1] = diagnostic(
            "RB018",
            kept[-1].location,
            f"more than {MOST_FINDINGS:,} problems; the rest is left",
            "mend what is listed, and validate again",
        )
    return kept
