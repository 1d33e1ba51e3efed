"""Shows findings to people: place, rule, sentence, the line with a caret, and what to do."""

from collections.abc import Iterable, Mapping

from runbook_engine.model.diagnostic import Diagnostic, Severity
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import did_you_mean, neutral

__all__ = ["code_frame", "did_you_mean", "in_order", "render_text", "summary"]

_WIDTH = 120
_BEFORE = 80


def code_frame(diagnostic: Diagnostic, sources: SourceMap) -> str:
    """Give the finding's line with its number, a caret below its column, and the hint; neutralised.

    Empty when there is neither a line to show nor a hint.
    """
    location = diagnostic.location
    hint = f"help: {neutral(diagnostic.hint)}" if diagnostic.hint else ""
    if not 1 <= location.line <= len(sources.lines):
        return f"  {hint}" if hint else ""
    line = sources.lines[location.line - 1]
    column = min(max(location.column, 1), len(line) + 1) - 1
    start = max(0, column - _BEFORE) if len(line) > _WIDTH else 0
    before, after = (_cell(part) for part in (line[start:column], line[column : start + _WIDTH]))
    margin = f"{location.line} | "
    frame = [f"  {margin}{before}{after}".rstrip(), " " * (len(margin) + len(before) + 2) + "^"]
    if hint:
        frame.append(f"  {hint}")
    return "\n".join(frame)


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceMap]) -> str:
    """Give all findings as text for a terminal; `sources` by file name provides the lines that are shown."""
    blocks = []
    for diagnostic in in_order(diagnostics):
        place = neutral(str(diagnostic.location))
        head = f"{place}: {diagnostic.severity.value} {diagnostic.rule}: {neutral(diagnostic.message)}"
        frame = code_frame(diagnostic, sources.get(diagnostic.location.file, SourceMap(diagnostic.location.file)))
        blocks.append(f"{head}\n{frame}" if frame else head)
    return "\n".join(blocks)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort findings by line and column, file after file in the order the files first appear; exact repeats go."""
    unique = list(dict.fromkeys(_Keyed(diagnostic) for diagnostic in diagnostics))
    files: dict[str, int] = {}
    for keyed in unique:
        files.setdefault(keyed.diagnostic.location.file, len(files))
    ordered = sorted(unique, key=lambda keyed: (files[keyed.diagnostic.location.file], *keyed.place))
    return [keyed.diagnostic for keyed in ordered]


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Count findings in words: `2 errors, 1 warning`; empty without any."""
    found = [diagnostic.severity for diagnostic in diagnostics]
    counts = [(found.count(severity), severity.value) for severity in (Severity.ERROR, Severity.WARNING)]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)


class _Keyed:
    """A finding as a key of a dict."""

    __slots__ = ("diagnostic", "identity", "place")

    def __init__(self, diagnostic: Diagnostic) -> None:
        location = diagnostic.location
        self.diagnostic = diagnostic
        self.place = (location.line, location.column, diagnostic.rule)
        self.identity = (location.file, *self.place, diagnostic.message)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


def _cell(text: str) -> str:
    """Neutralise a part of a line; a tab becomes one space so that the caret stays below its column."""
    return neutral(text.replace("\t", " "))
