"""Collects what is wrong with an inventory, so that everything is told at once."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from runbook_engine.model.diagnostic import Diagnostic, Location, Severity
from runbook_engine.model.rules import RULES, diagnostic

MOST = 1000


class Place(NamedTuple):
    """Where something was read; cheaper than a `Location`, because there is one for every variable."""

    file: str
    line: int = 0
    column: int = 0


class Findings:
    """An append-only list of diagnostics that stops growing at `MOST` of a severity: warnings never hide an error."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._room = dict.fromkeys(Severity, MOST)

    def add(self, rule: str, place: Place, message: str, hint: str | Callable[[], str] = "") -> None:
        """Note one finding; the rule decides whether it is an error or a warning.

        A hint that takes time to find is given as a function, which is not called for findings that are dropped.
        """
        if self._room[RULES[rule].severity]:
            location = Location(file=place.file, line=place.line, column=place.column)
            self._take(diagnostic(rule, location, message, hint if isinstance(hint, str) else hint()))

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Note findings that another reader made."""
        for found in diagnostics:
            self._take(found)

    def _take(self, found: Diagnostic) -> None:
        if self._room[found.severity]:
            self._room[found.severity] -= 1
            self._found.append(found)

    def sorted(self) -> list[Diagnostic]:
        """Give all findings by file, line and column, each once: a file may be read for several purposes."""
        once = {(one.rule, one.location, one.message): one for one in self._found}
        return sorted(once.values(), key=lambda one: (one.location.file, one.location.line, one.location.column))
