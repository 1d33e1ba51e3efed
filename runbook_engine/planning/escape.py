"""Which region a runbook escapes, as inputs, vars and inventory say it, and what its steps' parameters are then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runbook_engine.expressions.render import render
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.inventory import LOCALHOST, Inventory, Target
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.runbook import Input, Step
from runbook_engine.planning.flatten import Flat, FlatStep, Source, flatten
from runbook_engine.planning.region_names import regions_of
from runbook_engine.planning.targets import TargetPatternError, choose_targets

ESCAPED, PRIMARY = "escaped_region", "primary_region"
_DECLARATION = "gate.approval"
_NOBODY = Target(name=LOCALHOST)
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text among a step's parameters, with its templates rendered.

    Attributes:
        path: where it is written; what a template gives may hold texts of its own, whose keys come after in `inner`.
        secrets: references of the secrets it holds.
    """

    path: Path
    inner: Path
    text: str
    secrets: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The innermost name that the text has."""
        return str(next((part for part in reversed((*self.path, *self.inner)) if isinstance(part, str)), ""))


class Escape:
    """A runbook with the values of one inventory, as it is when one region is lost."""

    def __init__(self, source: Source, inventory: Inventory | None, inputs: JsonObject) -> None:
        self._inventory = inventory
        self._view = InventoryView(inventory) if inventory is not None else None
        self._localhost = inventory.target(LOCALHOST) if inventory is not None else _NOBODY
        self.flat: Flat = flatten(source, inputs, read_inputs=_complete, render=self._import_inputs)

    def region(self) -> str:
        """Give the region that is escaped; empty when there is none, or nobody can tell before the run."""
        if not self.flat.scopes:
            return ""
        scope = self._scope(self.flat.scopes[0], self._localhost)
        if scope.find(ESCAPED) is not None:
            return self._text(ESCAPED, scope)
        declared = any(
            step.step.action is not None and step.step.action.name == _DECLARATION for step in self.flat.steps
        )
        return self._text(PRIMARY, scope) if declared and scope.find(PRIMARY) is not None else ""

    def leaves(self, step: FlatStep, target: str) -> Iterator[Leaf]:
        """Give every text of a step's parameters that is known before the run."""
        call = step.step.action
        if call is None:
            return
        who = self._inventory.target(target) if self._inventory is not None else _NOBODY
        scope = self._scope(self.flat.scopes[step.scope], who, step.step)
        for path, value in _texts(call.params, ()):
            try:
                rendered = render(value, scope)
            except RunbookError:
                # It depends on the run, or is a finding of another rule: nothing is known of it here.
                continue
            secrets = tuple(rendered.secrets.values())
            for inner, text in _texts(rendered.value, ()):
                yield Leaf(path, inner, text, secrets)
            if secrets and not isinstance(rendered.value, str | dict | list):
                yield Leaf(path, (), "", secrets)

    def targets(self, pattern: str) -> tuple[str, ...]:
        """Give the targets of a pattern, as far as it can be read; another rule tells where it can't."""
        if pattern == LOCALHOST or self._inventory is None:
            return (LOCALHOST,)
        try:
            return choose_targets(self._inventory, pattern)
        except TargetPatternError:
            return ()

    def regions_of_host(self, target: str) -> frozenset[str]:
        """Give the regions that a target is in, by its address or by what EC2 told of it."""
        variables = self._inventory.target(target).variables if self._inventory is not None else {}
        placement = variables.get("placement")
        told = placement.get("region") if isinstance(placement, dict) else None
        address = regions_of(str(variables.get("ansible_host", target)), is_host=True)
        return address | ({told} if isinstance(told, str) else set())

    def _scope(self, values: ScopeValues, target: Target, step: Step | None = None) -> Scope:
        return Scope(
            target=target,
            inventory=self._view,
            inputs=values.inputs,
            runbook_vars=values.vars,
            step_vars=step.vars if step is not None else {},
        )

    def _import_inputs(self, value: JsonObject, scope: ScopeValues) -> JsonObject:
        names = self._scope(scope, self._localhost)
        return {name: _rendered(item, names) for name, item in value.items()}

    def _text(self, name: str, scope: Scope) -> str:
        value = _rendered(f"{{{{ {name} }}}}", scope)
        return value if isinstance(value, str) else ""


def given_inputs(inputs: Mapping[str, Input]) -> Iterator[JsonObject]:
    """Give the inputs' defaults; of the region's input, when it has none, each of its choices."""
    defaults: JsonObject = {name: value.default for name, value in inputs.items()}
    open_name = next((name for name in (ESCAPED, PRIMARY) if name in inputs and inputs[name].default is None), None)
    choices = inputs[open_name].choices if open_name is not None else None
    if open_name is None or not choices:
        yield defaults
        return
    for choice in choices:
        yield {**defaults, open_name: choice}


def _complete(inputs: Mapping[str, Input], given: JsonObject) -> tuple[JsonObject, list[str]]:
    return {**{name: value.default for name, value in inputs.items()}, **given}, []


def _rendered(value: JsonValue, scope: Scope) -> JsonValue:
    try:
        rendered = render(value, scope)
    except RunbookError:
        # What depends on the run is not known, and None says so.
        return None
    return None if rendered.unknown or rendered.secrets else rendered.value


def _texts(value: JsonValue, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
