"""What the lint rules of one runbook share, found out once: its steps' ids, targets by pattern, names in scope."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from runbook_engine.expressions.scope import RESERVED
from runbook_engine.model.inventory import LOCALHOST, Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.planning.edges import Template, add_template, templates_of
from runbook_engine.planning.flatten import Flat, FlatStep
from runbook_engine.planning.targets import TargetPatternError, choose_targets
from runbook_engine.ports.catalog import Catalog

_HERE = frozenset({"item", "result"})


class LintContext:
    """A flattened runbook and what it is held against. Patterns repeat in long runbooks, so their answers are kept.

    Args:
        defaults: parameters that the project's configuration gives, by action.
    """

    def __init__(
        self,
        flat: Flat,
        catalog: Catalog,
        inventories: Sequence[Inventory],
        defaults: Mapping[str, JsonObject] | None = None,
    ) -> None:
        self.flat = flat
        self.defaults = defaults or {}
        self.catalog = catalog
        self.inventories = inventories
        self._chosen: dict[str, list[tuple[str, ...] | TargetPatternError]] = {}
        # By the object, which `flat` keeps alive: an id stands for two steps when it is written twice.
        self._templates: dict[int, list[Template]] = {}
        self._scope_names: dict[int, frozenset[str]] = {}
        self._variables: dict[str, frozenset[str]] = {}

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of all steps."""
        return frozenset(step.step.id for step in self.flat.steps)

    def own_ids(self, scope: int) -> list[str]:
        """Ids of the steps that a file can name, in its own words; for suggestions."""
        prefix = self.flat.scopes[scope].prefix
        return [name.removeprefix(prefix) for name in sorted(self.ids) if name.startswith(prefix)]

    def templates(self, step: FlatStep) -> list[Template]:
        """Give what `templates_of` gives for a step; three rules ask for it."""
        found = self._templates.get(id(step))
        if found is None:
            found = self._templates[id(step)] = templates_of(step.step, self.catalog)
        return found

    def more_templates(self, step: FlatStep) -> list[Template]:
        """Give a step's templates that make no edges: those of its loop and its name."""
        found: list[Template] = []
        loop, name = step.step.loop, step.step.name
        if loop is not None:
            add_template(found, ("loop",), loop, bare=isinstance(loop, str))
        if name is not None:
            add_template(found, ("name",), name)
        return found

    def choose(self, pattern: str) -> list[tuple[str, ...] | TargetPatternError]:
        """Give the targets of a pattern for each inventory, or what is wrong with it there."""
        if pattern not in self._chosen:
            self._chosen[pattern] = [_choose(inventory, pattern) for inventory in self.inventories]
        return self._chosen[pattern]

    def defined(self, step: FlatStep) -> frozenset[str]:
        """Names that a step's templates see besides inventory variables."""
        names = self.scope_names(step.scope)
        return names | step.step.vars.keys() if step.step.vars else names

    def scope_names(self, scope: int) -> frozenset[str]:
        """Names that every template of a file sees: the engine's own, inputs, vars."""
        if scope not in self._scope_names:
            values = self.flat.scopes[scope]
            self._scope_names[scope] = frozenset({*values.inputs, *values.vars, *RESERVED, *_HERE})
        return self._scope_names[scope]

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
