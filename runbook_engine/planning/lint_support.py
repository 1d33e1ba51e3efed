"""Refuses what can be said and would have no effect: nothing is ever ignored."""

from collections.abc import Iterator

from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Step
from runbook_engine.planning.flatten import Source

_IMPORT_KEYS = frozenset({"id", "name", "needs", "imported"})


def lint_support(source: Source, seen: frozenset[int] = frozenset()) -> Iterator[Diagnostic]:
    """Find parts of a runbook (and of its imports) that would have no effect."""
    runbook = source.runbook
    if runbook is None or id(source) in seen:
        return
    for index, step in enumerate(runbook.steps):
        if step.imported is not None:
            yield from _lint_import(source, index, step)
    for child in source.imported.values():
        yield from lint_support(child, seen | {id(source)})


def _lint_import(source: Source, index: int, step: Step) -> Iterator[Diagnostic]:
    """An import step says only what an import can."""
    for key in sorted(step.model_fields_set - _IMPORT_KEYS):
        if getattr(step, key) != Step.model_fields[key].get_default(call_default_factory=True):
            text = f"step {step.id} imports a runbook, so it can't have {key!r}"
            yield diagnostic("RB213", source.place(index, key), text, "say it at the imported steps")
