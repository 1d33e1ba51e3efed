"""What can be said of a runbook's secrets by its files alone: an age file that is named has to be in the project."""

from collections.abc import Iterator
from pathlib import Path

from runbook_engine.expressions.references import secret_references
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonValue
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.secret_reference import parse_reference
from runbook_engine.planning.flatten import Source

AGE = "age:"
"""How a reference to an age file begins; it is found in so many words or not at all."""


def age_findings(source: Source, root: Path) -> Iterator[Diagnostic]:
    """Find age files that a runbook, or what it imports, names and that are not there, or are none."""
    for reference, place in written_references(source):
        if not reference.startswith(AGE):
            continue
        from runbook_engine.secrets.age import read_age_file

        try:
            file = parse_reference(reference).name
            read_age_file(root / Path(file).expanduser())
        except RunbookError as error:
            yield diagnostic("RB220", place, f"secret {reference!r}: {error.message}", error.hint)


def written_references(source: Source) -> Iterator[tuple[str, Location]]:
    """Give each reference that stands in so many words in a runbook or what it imports, with its place."""
    runbook = source.runbook
    if runbook is None:
        return
    for name, value in runbook.vars.items():
        for reference in secret_references(value):
            yield reference, source.place(None, "vars", name)
    for index, step in enumerate(runbook.steps):
        parts: list[tuple[tuple[str, ...], JsonValue]] = [(("environment",), dict(step.environment))]
        parts += [(("vars", name), value) for name, value in step.vars.items()]
        if step.action is not None:
            parts += [(("params", name), value) for name, value in step.action.params.items()]
        if step.revert is not None:
            parts.append((("revert",), step.revert.params))
        for path, value in parts:
            for reference in secret_references(value):
                yield reference, source.place(index, *path)
    for child in source.imported.values():
        yield from written_references(child)
