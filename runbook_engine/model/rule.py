"""What a validation rule is: its id, its severity, and the page that explains it."""

from dataclasses import dataclass

from runbook_engine.model.diagnostic import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of validation.

    Attributes:
        id: `RB` and three digits; stable, so that it may be named in scripts.
        title: what the rule asks for or finds, in a few words.
        text: why the rule is there, with a bad and a good example; in plain text.
    """

    id: str
    title: str
    severity: Severity
    text: str


def error(rule: str, title: str, text: str) -> Rule:
    """Make a rule whose findings refuse the file."""
    return Rule(rule, title, Severity.ERROR, text.strip())


def warning(rule: str, title: str, text: str) -> Rule:
    """Make a rule whose findings count with `--strict` only."""
    return Rule(rule, title, Severity.WARNING, text.strip())
