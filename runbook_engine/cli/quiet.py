"""Tells of a run only what somebody has to know or to do."""

from runbook_engine.cli.progress import LineProgress

# What goes as it should, or answers what was asked; whatever else there is, now or later, is told.
_AS_IT_SHOULD = frozenset(
    {
        "again", "answered", "approved", "changed", "continued", "data of", "decided", "re-check", "resolved", "run",
        "running", "said", "skipped", "step over", "told", "unchanged", "would tell", "would-change",
    }
)  # fmt: skip


class QuietProgress(LineProgress):
    """Writes the lines of `LineProgress` that tell of failures, of what waits for people, and of warnings."""

    def put(self, line: str, word: str) -> None:
        """Leave out what goes as it should."""
        if word not in _AS_IT_SHOULD:
            super().put(line, word)
