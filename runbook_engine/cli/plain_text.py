"""Text from hosts, files and people made harmless for a terminal."""

from runbook_engine.reporting.inert import visible


def plain(text: str, *, lines: bool = False, limit: int = 0) -> str:
    """Show control, bidirectional and invisible characters as escapes, so that text can only be text.

    Args:
        lines: keep line feeds and tabs.
        limit: greatest number of characters, 0 for any.
    """
    shown = visible(text)
    if not lines:
        shown = shown.replace("\n", "\\n").replace("\t", "\\t")
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"
