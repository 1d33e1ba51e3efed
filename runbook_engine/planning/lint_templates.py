"""Lint of one step's templates: well-formed, referring to steps and names that exist."""

from collections.abc import Iterator, Sequence

from runbook_engine.expressions.references import check_syntax, names_required, references_in, secret_references
from runbook_engine.expressions.scope import RESERVED
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.json import JsonValue
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rules import diagnostic
from runbook_engine.planning.edges import templates_of
from runbook_engine.planning.flatten import Flat, FlatStep
from runbook_engine.planning.targets import TargetPatternError, choose_targets
from runbook_engine.ports.action import Catalog

SECRET_SCHEMES = ("env", "file")
_HERE = frozenset({"item", "result"})


def lint_templates(
    step: FlatStep, flat: Flat, catalog: Catalog, inventories: Sequence[Inventory]
) -> Iterator[Diagnostic]:
    """Check every template of a step."""
    scope = flat.scopes[step.scope]
    defined = set(scope.inputs) | set(scope.vars) | set(step.step.vars) | RESERVED | _HERE
    variables = _variables(step, inventories)
    for path, value, bare in [*templates_of(step.step, catalog), *_more(step)]:
        problems = check_syntax(value, bare=bare)
        for problem in problems:
            yield diagnostic("RB204", step.place(*path, *problem.path), problem.message, problem.hint)
        if problems:
            continue
        yield from _lint_references(step, flat, path, references_in(value, bare=bare))
        yield from _lint_secrets(step, path, secret_references(value, bare=bare))
        for name in sorted(names_required(value, bare=bare) - defined - variables) if variables is not None else ():
            text = f"{name!r} is not defined: neither an input, nor a var, nor a variable of the step's targets"
            yield diagnostic("RB211", step.place(*path), text, did_you_mean(name, defined | (variables or set())))


def _lint_references(
    step: FlatStep, flat: Flat, path: tuple[str | int, ...], references: frozenset[str]
) -> Iterator[Diagnostic]:
    """Steps that a template refers to exist, and are not asked for before the run."""
    prefix = flat.scopes[step.scope].prefix
    known = {other.step.id for other in flat.steps}
    for reference in sorted(references):
        if prefix + reference not in known:
            own = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
            yield diagnostic(
                "RB205", step.place(*path), f"there is no step {reference!r}", did_you_mean(reference, own)
            )
        if path[0] == "loop":
            yield diagnostic("RB212", step.place(*path), "a loop can't use a step's output")


def _lint_secrets(step: FlatStep, path: tuple[str | int, ...], references: list[str]) -> Iterator[Diagnostic]:
    """Secrets come from schemes that exist."""
    for reference in references:
        scheme = reference.partition(":")[0]
        if scheme not in SECRET_SCHEMES:
            text = f"no secrets come from {scheme!r}"
            yield diagnostic("RB214", step.place(*path), text, f"there are: {', '.join(SECRET_SCHEMES)}")


def _variables(step: FlatStep, inventories: Sequence[Inventory]) -> set[str] | None:
    """Give the names of the inventory variables that the step's targets see; None when that can't be told."""
    if not inventories:
        return None
    names: set[str] = set()
    for inventory in inventories:
        try:
            targets = choose_targets(inventory, step.step.targets)
        except TargetPatternError:
            continue
        for target in targets:
            names |= set(inventory.target(target).variables)
        if step.step.loop is not None or not targets:
            names |= set(inventory.target(LOCALHOST).variables)
    return names


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
