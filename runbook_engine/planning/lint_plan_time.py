"""Lint of what a plan can't be made without: loops, inputs of imports, and edges target by target."""

from collections.abc import Iterator, Mapping

from runbook_engine.expressions.references import facts_in, names_used
from runbook_engine.expressions.scope import RESERVED
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Input, Step
from runbook_engine.planning.flatten import ReadInputs, Source, flatten
from runbook_engine.planning.lint_context import LintContext
from runbook_engine.planning.plan_time import at_plan_time, loop_items, plan_scope
from runbook_engine.planning.targets import TargetPatternError

# Lint takes these names for defined, and a plan has no value for them.
_LATER = frozenset({"item", "result"})


def lint_plan_time(source: Source, context: LintContext, read_inputs: ReadInputs | None) -> Iterator[Diagnostic]:
    """Find what would keep a plan from being made, as far as it does not hang on what the operator gives.

    What an inventory decides has to be good with one of them, as a host pattern has to match in one.

    Args:
        read_inputs: completes an import's inputs, and says what is wrong with them; None: they are not looked at.
    """
    yield from _lint_edges(context)
    steps = source.runbook.steps if source.runbook else ()
    looped = any(step.step.loop is not None for step in context.flat.steps)
    if not looped and all(step.imported is None for step in steps):
        return
    found = [_Values(inventory, read_inputs).findings(source) for inventory in context.inventories]
    if not found:
        found = [_Values(None, read_inputs).findings(source)]
    for key, finding in found[0].items():
        if all(key in other for other in found[1:]):
            yield finding


def _lint_edges(context: LintContext) -> Iterator[Diagnostic]:
    """An edge target by target joins steps that run on the same targets."""
    patterns = {step.step.id: step.step.targets for step in context.flat.steps}
    for step in context.flat.steps:
        for position, need in enumerate(step.needs):
            own, other = step.step.targets, patterns.get(need.step)
            if not need.per_target or other is None or other == own:
                continue
            pairs = [
                (set(mine), set(theirs))
                for mine, theirs in zip(context.choose(own), context.choose(other), strict=True)
                if not isinstance(mine, TargetPatternError) and not isinstance(theirs, TargetPatternError)
            ]
            pairs = [(mine, theirs) for mine, theirs in pairs if mine and theirs]
            if pairs and all(mine != theirs for mine, theirs in pairs):
                text = f"{step.step.id} needs {need.step}@target, but they run on different targets"
                hint = f"give both the same pattern (targets: {other})"
                yield diagnostic("RB210", step.place("needs", position), text, hint)


class _Values:
    """A runbook's values with one inventory, and without what only the operator can say."""

    def __init__(self, inventory: Inventory | None, read_inputs: ReadInputs | None) -> None:
        self._inventory = inventory
        self._read_inputs = read_inputs
        # Inputs whose value nobody knows yet; a name that has a value in its own file is no such input there.
        self._open: set[str] = set()
        self._left: set[str] = set()

    def findings(self, source: Source) -> Mapping[object, Diagnostic]:
        """Give what is wrong, by rule and place."""
        inputs = source.runbook.inputs if source.runbook else {}
        given: JsonObject = {name: value.default for name, value in inputs.items() if value.default is not None}
        self._open = set(inputs) - set(given)
        read = None if self._read_inputs is None else self._read
        flat = flatten(source, given, read_inputs=read, render=self._render)
        found = list(flat.diagnostics)
        for step in flat.steps:
            if step.step.loop is not None and not self._hangs(step.step, flat.scopes[step.scope]):
                try:
                    self._items(step.step, flat.scopes[step.scope])
                except RunbookError as error:
                    found.append(diagnostic("RB212", step.place("loop"), error.message, error.hint))
        return {(item.rule, item.location, item.message if item.rule == "RB216" else ""): item for item in found}

    def _items(self, step: Step, values: ScopeValues) -> None:
        if self._inventory is not None:
            loop_items(step, values, self._inventory)

    def _hangs(self, step: Step, values: ScopeValues) -> bool:
        """Whether a loop's value is not known, or is a finding of another rule."""
        facts = facts_in(_plain(step.loop), bare=isinstance(step.loop, str))
        if facts.problems or facts.references:
            return True
        missing = self._missing(facts.names, {**values.vars, **step.vars}, values)
        return bool(missing - _LATER)

    def _render(self, value: JsonObject, scope: ScopeValues) -> JsonObject:
        """Give those of an import's inputs whose value is known."""
        rendered: dict[str, JsonValue] = {}
        self._left = set()
        for name, item in value.items():
            names = names_used(item)
            missing = self._missing(names, scope.vars, scope)
            if missing & self._open or (names and self._inventory is None):
                self._left.add(name)
            elif self._inventory is None:
                rendered[name] = item
            else:
                rendered[name] = at_plan_time(item, plan_scope(scope, self._inventory), "an import's inputs")
        return rendered

    def _read(self, inputs: Mapping[str, Input], given: JsonObject) -> tuple[JsonObject, list[str]]:
        """Complete an import's inputs; of those that are not known yet only the name can be wrong."""
        left, self._left = self._left, set()
        self._open |= left
        known = {name: definition for name, definition in inputs.items() if name not in left}
        more: JsonObject = dict.fromkeys(left - inputs.keys(), "")
        return self._read_inputs(known, {**given, **more}) if self._read_inputs is not None else (given, [])

    def _missing(self, names: frozenset[str], own: JsonObject, values: ScopeValues) -> set[str]:
        """Give the names, through vars, that have no value before the run."""
        here = self._inventory.target(LOCALHOST).variables if self._inventory is not None else {}
        pending, seen, missing = list(names), set[str](), set[str]()
        while pending:
            name = pending.pop()
            if name in seen or name in RESERVED or name in values.inputs:
                continue
            seen.add(name)
            if name in own:
                pending += names_used(own[name])
            elif name not in here:
                missing.add(name)
        return missing


def _plain(loop: object) -> JsonValue:
    return list(loop) if isinstance(loop, list | tuple) else str(loop)
