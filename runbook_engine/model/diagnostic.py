"""What validation finds: a rule, a place in a file, a sentence, and what to do."""

from enum import StrEnum

from runbook_engine.model.base import Frozen


class Severity(StrEnum):
    """How much a diagnostic matters: an error refuses the file, a warning counts with `--strict`."""

    ERROR = "error"
    WARNING = "warning"


class Location(Frozen):
    """A place in a file; line and column count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Diagnostic(Frozen):
    """One finding of validation.

    Attributes:
        rule: stable id of the rule, `RB` and three digits.
        message: what is wrong, in one sentence.
        hint: what to do, for example `did you mean "targets"?`; may be empty.
    """

    rule: str
    severity: Severity
    message: str
    location: Location
    hint: str = ""


def has_errors(diagnostics: "list[Diagnostic] | tuple[Diagnostic, ...]") -> bool:
    """Tell whether any of the diagnostics refuses its file."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
