"""Comments that accept a finding with a reason: `# runbook: ignore RB231 the record is in place beforehand`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from runbook_engine.loading.source_lines import SourceLines
from runbook_engine.loading.yaml_events import event_source
from runbook_engine.model.diagnostic import Diagnostic, Location, Severity
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import did_you_mean, quoted
from runbook_engine.model.rules import RULES, diagnostic

_MARK = re.compile(r"(?:^|(?<=\s))#\s*runbook:\s*ignore\b[ \t]*(\S*)[ \t]*(.*)$")
_COMMENT = re.compile(r"^\s*#")
_RULE = "RB240"
_FORM = "write # runbook: ignore RULE REASON"


@dataclass(slots=True)
class _Comment:
    """One such comment; lines count from 1.

    Attributes:
        covers: the line that it speaks of.
    """

    line: int
    column: int
    rule: str
    reason: str
    covers: int


def accept(found: Sequence[Diagnostic], sources: Mapping[str, SourceMap]) -> list[Diagnostic]:
    """Take away the warnings that comments of the files accept, and add what is wrong with the comments.

    Args:
        sources: the files whose comments count, by name.
    """
    comments = {name: list(_comments(source)) for name, source in sources.items()}
    used: set[tuple[str, int]] = set()
    kept: list[Diagnostic] = []
    for item in found:
        fitting = [one for one in comments.get(item.location.file, ()) if _fits(one, item)]
        used |= {(item.location.file, one.line) for one in fitting}
        if not fitting:
            kept.append(item)
    for name, some in comments.items():
        for one in some:
            kept += _wrong(name, one, is_used=(name, one.line) in used)
    return kept


def _fits(comment: _Comment, item: Diagnostic) -> bool:
    if comment.rule != item.rule or comment.covers != item.location.line or not comment.reason:
        return False
    return item.severity is Severity.WARNING and item.rule != _RULE


def _wrong(file: str, comment: _Comment, *, is_used: bool) -> Iterator[Diagnostic]:
    place = Location(file=file, line=comment.line, column=comment.column)
    rule = RULES.get(comment.rule)
    if rule is None:
        what = f"there is no rule {quoted(comment.rule)}" if comment.rule else "the comment names no rule"
        yield diagnostic(_RULE, place, what, did_you_mean(comment.rule, tuple(RULES)) or _FORM)
    elif rule.severity is not Severity.WARNING or rule.id == _RULE:
        yield diagnostic(_RULE, place, f"{rule.id} can't be accepted, only put right", "")
    elif not comment.reason:
        yield diagnostic(_RULE, place, f"{rule.id} is to be ignored, and nobody says why", _FORM)
    elif not is_used:
        text = f"there is no finding of {rule.id} in line {comment.covers}"
        yield diagnostic(_RULE, place, text, "remove the comment, or move it to the finding")


def _comments(source: SourceMap) -> Iterator[_Comment]:
    lines = source.lines
    if isinstance(lines, SourceLines) and not lines.mentions("ignore"):
        return
    marked = [(number, match) for number, line in enumerate(lines, 1) if (match := _MARK.search(line))]
    if not marked:
        return
    texts = _scalars("\n".join(lines)) if source.root is not None else []
    for number, match in marked:
        if not any(begin <= (number - 1, match.start()) < end for begin, end in texts):
            alone = _COMMENT.match(lines[number - 1]) is not None
            covers = _below(lines, number) if alone else number
            yield _Comment(number, match.start() + 1, match[1], match[2].strip(), covers)


def _below(lines: Sequence[str], number: int) -> int:
    """Give the first line after a comment that is none."""
    while number < len(lines) and _COMMENT.match(lines[number]):
        number += 1
    return number + 1


def _is_scalar(event: object) -> bool:
    return isinstance(event, yaml.ScalarEvent)


def _scalars(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Find where texts of more than one line stand: a `#` in one of them begins no comment."""
    found = []
    next_event = event_source(text)
    try:
        while (event := next_event()) is not None:
            if _is_scalar(event) and event.start_mark.line != event.end_mark.line:
                begin, end = event.start_mark, event.end_mark
                found.append(((begin.line, begin.column + 1), (end.line, end.column)))
    except yaml.YAMLError:
        return []  # what can't be read is a finding already
    return found
