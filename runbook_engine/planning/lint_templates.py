"""Lint of one step's templates: well-formed, referring to steps and names that exist."""

from collections.abc import Callable, Iterator
from functools import partial

from runbook_engine.expressions.references import (
    check_syntax,
    names_required,
    names_used,
    references_in,
    secret_references,
)
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rules import diagnostic
from runbook_engine.planning.edges import templates_of
from runbook_engine.planning.flatten import FlatStep, Source
from runbook_engine.planning.graph import find_cycle
from runbook_engine.planning.lint_context import LintContext

# A place is looked up only when there is something to say of it.
Place = Callable[[], Location]
SECRET_SCHEMES = ("env", "file")


def lint_templates(step: FlatStep, context: LintContext) -> Iterator[Diagnostic]:
    """Check every template of a step."""
    names = context.defined(step)
    variables = context.variables(step.step.targets)
    for path, value, bare in [*templates_of(step.step, context.catalog), *_more(step)]:
        if not _holds_template(value, bare=bare):
            continue
        problems = check_syntax(value, bare=bare)
        for problem in problems:
            yield diagnostic("RB204", step.place(*path, *problem.path), problem.message, problem.hint)
        if problems:
            continue
        yield from _lint_references(partial(step.place, *path), step.scope, context, references_in(value, bare=bare))
        if path[0] == "loop" and references_in(value, bare=bare):
            yield diagnostic("RB212", step.place(*path), "a loop can't use a step's output")
        yield from _lint_secrets(partial(step.place, *path), secret_references(value, bare=bare))
        yield from _lint_names(partial(step.place, *path), names_required(value, bare=bare), names, variables)


def lint_vars(source: Source, scope: int, context: LintContext) -> Iterator[Diagnostic]:
    """Check the templates in a file's `vars`; a name is known when any target of any inventory has it."""
    runbook = source.runbook
    names = context.scope_names(scope)
    own = runbook.vars if runbook else {}
    uses = {name: sorted(names_used(value) & own.keys()) for name, value in own.items()}
    if cycle := find_cycle(uses):
        text = f"the vars lead back to themselves: {' → '.join(reversed(cycle))}"
        yield diagnostic("RB204", source.place(None, "vars", cycle[0]), text)
    for name, value in own.items():
        place = partial(source.place, None, "vars", name)
        problems = check_syntax(value)
        for problem in problems:
            found = source.place(None, "vars", name, *problem.path)
            yield diagnostic("RB204", found, problem.message, problem.hint)
        if not problems:
            yield from _lint_references(place, scope, context, references_in(value))
            yield from _lint_secrets(place, secret_references(value))
            yield from _lint_names(place, names_required(value), names, context.variables("all"))


def _lint_names(
    place: Place, used: frozenset[str], names: frozenset[str], variables: frozenset[str] | None
) -> Iterator[Diagnostic]:
    """Names are defined somewhere."""
    if variables is None:
        return
    for name in sorted(used - names - variables):
        text = f"{name!r} is not defined: neither an input, nor a var, nor a variable of the step's targets"
        yield diagnostic("RB211", place(), text, did_you_mean(name, names | variables))


def _lint_references(
    place: Place, scope: int, context: LintContext, references: frozenset[str]
) -> Iterator[Diagnostic]:
    """Steps that a template refers to exist."""
    prefix = context.flat.scopes[scope].prefix
    for reference in sorted(references):
        if prefix + reference not in context.ids:
            hint = did_you_mean(reference, context.own_ids(scope))
            yield diagnostic("RB205", place(), f"there is no step {reference!r}", hint)


def _lint_secrets(place: Place, references: list[str]) -> Iterator[Diagnostic]:
    """Secrets come from schemes that exist."""
    for reference in references:
        scheme = reference.partition(":")[0]
        if scheme not in SECRET_SCHEMES:
            text = f"no secrets come from {scheme!r}"
            yield diagnostic("RB214", place(), text, f"there are: {', '.join(SECRET_SCHEMES)}")


def _holds_template(value: JsonValue, *, bare: bool) -> bool:
    """Whether there is anything to look at; most values of a long runbook are plain."""
    return bare or not isinstance(value, str) or "{" in value


def _more(step: FlatStep) -> list[tuple[tuple[str | int, ...], JsonValue, bool]]:
    """Give the parts that may hold templates, but make no edges."""
    found: list[tuple[tuple[str | int, ...], JsonValue, bool]] = []
    if isinstance(step.step.loop, str):
        found.append((("loop",), step.step.loop, True))
    elif step.step.loop is not None:
        found.append((("loop",), list(step.step.loop), False))
    if step.step.name is not None:
        found.append((("name",), step.step.name, False))
    return found
