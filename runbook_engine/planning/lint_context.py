"""What the lint rules of one runbook share, found out once: its steps' ids, targets by pattern, names in scope."""

from collections.abc import Sequence
from functools import cached_property

from runbook_engine.expressions.scope import RESERVED
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.planning.flatten import Flat, FlatStep
from runbook_engine.planning.targets import TargetPatternError, choose_targets
from runbook_engine.ports.action import Catalog

_HERE = frozenset({"item", "result"})


class LintContext:
    """A flattened runbook and what it is held against. Patterns repeat in long runbooks, so their answers are kept."""

    def __init__(self, flat: Flat, catalog: Catalog, inventories: Sequence[Inventory]) -> None:
        self.flat = flat
        self.catalog = catalog
        self.inventories = inventories
        self._chosen: dict[str, list[tuple[str, ...] | TargetPatternError]] = {}
        self._variables: dict[str, frozenset[str]] = {}

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of all steps."""
        return frozenset(step.step.id for step in self.flat.steps)

    def own_ids(self, scope: int) -> list[str]:
        """Ids of the steps that a file can name, in its own words; for suggestions."""
        prefix = self.flat.scopes[scope].prefix
        return [name.removeprefix(prefix) for name in sorted(self.ids) if name.startswith(prefix)]

    def choose(self, pattern: str) -> list[tuple[str, ...] | TargetPatternError]:
        """Give the targets of a pattern for each inventory, or what is wrong with it there."""
        if pattern not in self._chosen:
            self._chosen[pattern] = [_choose(inventory, pattern) for inventory in self.inventories]
        return self._chosen[pattern]

    def defined(self, step: FlatStep) -> frozenset[str]:
        """Names that a step's templates see besides inventory variables."""
        return self.scope_names(step.scope) | step.step.vars.keys()

    def scope_names(self, scope: int) -> frozenset[str]:
        """Names that every template of a file sees: the engine's own, inputs, vars."""
        values = self.flat.scopes[scope]
        return frozenset({*values.inputs, *values.vars, *RESERVED, *_HERE})

    def variables(self, pattern: str) -> frozenset[str] | None:
        """Names of the inventory variables that the targets of a pattern see; None when there is no inventory."""
        if not self.inventories:
            return None
        if pattern not in self._variables:
            names: set[str] = set()
            for inventory, chosen in zip(self.inventories, self.choose(pattern), strict=True):
                targets = () if isinstance(chosen, TargetPatternError) else chosen
                # A loop is read on localhost, and so is everything when a pattern matches nothing.
                for target in (*targets, LOCALHOST):
                    names |= inventory.target(target).variables.keys()
            self._variables[pattern] = frozenset(names)
        return self._variables[pattern]


def _choose(inventory: Inventory, pattern: str) -> tuple[str, ...] | TargetPatternError:
    try:
        return choose_targets(inventory, pattern)
    except TargetPatternError as error:
        return error
