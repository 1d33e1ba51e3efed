"""The names that a template of one task sees, and which of them wins."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, cast

from runbook_engine.expressions.secret_value import SecretValue
from runbook_engine.expressions.steps import StepsMapping, StepsView
from runbook_engine.model.inventory import Inventory, Target
from runbook_engine.model.json import JsonObject

RESERVED = frozenset(
    {"group_names", "groups", "hostvars", "inventory_hostname", "loop", "range", "run", "secret", "steps", "target"}
)


VAULT = "vault"
"""Scheme of references to texts that were decrypted for the inventory, by their position in `Inventory.secrets`."""


class Found(NamedTuple):
    """A name's value; `is_template` when it is text of the runbook that is still to be rendered."""

    value: object
    is_template: bool = False


class InventoryView:
    """What templates see of the inventory; made once for a run and shared by all its scopes."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the targets of each group, those of its child groups included, in inventory order."""
        members: dict[str, list[str]] = {name: [] for name in self._inventory.groups}
        for target in self._inventory.targets.values():
            for name in ("all", *(target.groups or ("ungrouped",))):
                members.setdefault(name, []).append(target.name)
        return {name: tuple(targets) for name, targets in members.items()}

    @cached_property
    def hostvars(self) -> Mapping[str, object]:
        """Variables of each target; data, whatever they look like."""
        return _HostVars(self)

    @property
    def inventory(self) -> Inventory:
        """The inventory itself; what was decrypted for it is in the clear."""
        return self._inventory

    def shielded(self, value: object) -> object:
        """Give a variable's value with a `SecretValue` in the place of each text that was decrypted."""
        references = self._references
        return _shielded(value, references) if references else value

    @cached_property
    def _references(self) -> Mapping[str, str]:
        return {text: f"{VAULT}:{index}" for index, text in enumerate(self._inventory.secrets)}


class Scope:
    """The names of one task's templates. Cheap to make; vars are rendered when a template first names them.

    Precedence: `item` and `result`, inputs, the step's vars, the runbook's vars, the target's variables. Names of
    `RESERVED` can't be overridden. A scope belongs to one thread.

    Args:
        target: None where no target is known yet (a loop's expression at plan time).
        run: `id`, `mode`, `operator`, `started_at`.
        here: `item` in a loop, `result` in `until`.
    """

    __slots__ = ("_inventory", "_layers", "_run", "_steps", "_target", "rendered_vars")

    def __init__(
        self,
        *,
        target: Target | None = None,
        inventory: InventoryView | None = None,
        inputs: JsonObject | None = None,
        runbook_vars: JsonObject | None = None,
        step_vars: JsonObject | None = None,
        run: JsonObject | None = None,
        steps: StepsView | None = None,
        here: JsonObject | None = None,
    ) -> None:
        self._target = target
        self._inventory = inventory
        self._run = run or {}
        self._steps = steps
        self._layers: tuple[tuple[JsonObject, bool], ...] = (
            (here or {}, False),
            (inputs or {}, False),
            (step_vars or {}, True),
            (runbook_vars or {}, True),
            (target.variables if target else {}, False),
        )
        self.rendered_vars: dict[str, object] = {}

    def with_names(self, here: JsonObject) -> "Scope":
        """Give a scope that sees `item` or `result` besides; what was rendered is not carried over."""
        other = Scope(target=self._target, inventory=self._inventory, run=self._run, steps=self._steps)
        other._layers = (({**self._layers[0][0], **here}, False), *self._layers[1:])
        return other

    def find(self, name: str) -> Found | None:
        """Look a name up; None when there is no such name."""
        if name in RESERVED:
            return self._reserved(name)
        for layer, is_template in self._layers:
            if name in layer:
                # Only an inventory has decrypted texts; in a layer before it the same letters are no secret.
                is_variable = layer is self._layers[-1][0]
                value = self._inventory.shielded(layer[name]) if self._inventory and is_variable else layer[name]
                return Found(value, is_template)
        return None

    def names(self) -> Iterator[str]:
        """Every name that can be looked up, for suggestions."""
        yield from (name for name in RESERVED if self._reserved(name))
        for layer, _is_template in self._layers:
            yield from layer

    def _reserved(self, name: str) -> Found | None:
        target, inventory = self._target, self._inventory
        value: object = None
        if name == "run":
            value = self._run
        elif name == "steps":
            value = StepsMapping(self._steps) if self._steps else None
        elif name == "groups":
            value = inventory.groups if inventory else None
        elif name == "hostvars":
            value = inventory.hostvars if inventory else None
        elif target and name == "target":
            variables = inventory.shielded(target.variables) if inventory else target.variables
            value = {**cast("JsonObject", variables), "name": target.name, "groups": list(target.groups)}
        elif target and name == "inventory_hostname":
            value = target.name
        elif target and name == "group_names":
            value = list(target.groups)
        return None if value is None else Found(value)


class _HostVars(Mapping[str, Mapping[str, object]]):
    """Looks a target's variables up when they are asked for, since an inventory may have 10,000 of them."""

    __slots__ = ("_view",)

    def __init__(self, view: InventoryView) -> None:
        self._view = view

    def __getitem__(self, key: str) -> Mapping[str, object]:
        target = self._view.inventory.target(key)
        variables = cast("JsonObject", self._view.shielded(target.variables))
        return {**variables, "inventory_hostname": target.name, "group_names": list(target.groups)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._view.inventory.targets)

    def __len__(self) -> int:
        return len(self._view.inventory.targets)


def _shielded(value: object, references: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return SecretValue(references[value]) if value in references else value
    if isinstance(value, Mapping):
        return {key: _shielded(one, references) for key, one in value.items()}
    return [_shielded(one, references) for one in value] if isinstance(value, list | tuple) else value
