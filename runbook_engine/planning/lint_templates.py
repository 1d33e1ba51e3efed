"""Lint of one step's templates: well-formed, referring to steps and names that exist."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from runbook_engine.expressions.references import facts_in, names_used
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import InvalidInputError
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.secret_reference import parse_reference
from runbook_engine.planning.edges import Template
from runbook_engine.planning.flatten import FlatStep, Source
from runbook_engine.planning.graph import find_cycle
from runbook_engine.planning.lint_context import LintContext

# A place is looked up only when there is something to say of it.
Place = Callable[[], Location]


def lint_templates(step: FlatStep, context: LintContext) -> Iterator[Diagnostic]:
    """Check every template of a step."""
    templates = [*context.templates(step), *context.more_templates(step)]
    if not templates:
        return
    names = context.defined(step)
    variables = context.variables(step.step.targets)
    for template in templates:
        yield from lint_template(template, step.place, step.scope, context, names, variables)


def lint_template(
    template: Template,
    at: Callable[..., Location],
    scope: int,
    context: LintContext,
    names: frozenset[str],
    variables: frozenset[str] | None,
) -> Iterator[Diagnostic]:
    """Check one template.

    Args:
        at: gives the place of a path, such as the template's.
        names: what is defined besides inventory variables.
        variables: names of these; None when there is no inventory.
    """
    path, facts = template.path, template.facts
    for problem in facts.problems:
        yield diagnostic("RB204", at(*path, *problem.path), problem.message, problem.hint)
    if facts.problems:
        return
    place = partial(at, *path)
    # Most templates refer to no step and no secret, and a long runbook has tens of thousands of them.
    if facts.references:
        yield from _lint_references(place, scope, context, facts.references)
        if path[0] == "loop":
            yield diagnostic("RB212", place(), "a loop can't use a step's output")
    if facts.secrets:
        yield from _lint_secrets(place, facts.secrets)
    if variables is not None and not (facts.required <= names or facts.required <= variables):
        yield from _lint_names(place, facts.required, names, variables)


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
        facts = facts_in(value)
        for problem in facts.problems:
            found = source.place(None, "vars", name, *problem.path)
            yield diagnostic("RB204", found, problem.message, problem.hint)
        if not facts.problems:
            yield from _lint_references(place, scope, context, facts.references)
            yield from _lint_secrets(place, facts.secrets)
            yield from _lint_names(place, facts.required, names, context.variables("all"))


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


def _lint_secrets(place: Place, references: Sequence[str]) -> Iterator[Diagnostic]:
    """Secrets come from schemes that exist, and are written as those want it."""
    for reference in references:
        try:
            parse_reference(reference)
        except InvalidInputError as error:
            yield diagnostic("RB214", place(), error.message, error.hint)
