"""Shows findings about files on stderr, where they are not the command's result."""

import sys
from collections.abc import Iterable, Mapping, Sequence

from runbook_engine.cli.terminal import say
from runbook_engine.loading.diagnostics import render_text
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.located import SourceMap


def say_findings(diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceMap] | None = None) -> None:
    """Print findings with their lines; nothing when there are none."""
    if diagnostics:
        print(render_text(diagnostics, sources or {}), file=sys.stderr)


def say_notes(notes: Iterable[str]) -> None:
    """Tell on stderr what should be known of a plan although nothing is wrong."""
    for note in notes:
        say(f"note: {note}")
