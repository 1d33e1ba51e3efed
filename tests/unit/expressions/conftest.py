"""A scope like a task's, and steps as a run would show them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.inventory import Group, Inventory, Target


@dataclass(frozen=True)
class Step:
    known: bool = True
    outputs: Mapping = field(default_factory=dict)
    targets: Mapping = field(default_factory=dict)
    outcome: str | None = None


class Steps(dict):
    def step(self, step_id: str) -> Step | None:
        return self.get(step_id)

    def ids(self) -> Iterable[str]:
        return self


WEB1 = Target(name="web1", groups=("apps", "eu"), variables={"region": "eu-west-1", "app": "from inventory"})
WEB2 = Target(name="web2", groups=("apps",), variables={"region": "us-east-1", "hostile": "{{ 1 + 1 }}"})
INVENTORY = Inventory(
    name="demo",
    targets={"web1": WEB1, "web2": WEB2},
    groups={name: Group(name=name) for name in ("all", "ungrouped", "apps", "eu", "empty")},
)


@pytest.fixture
def make_step():
    return Step


@pytest.fixture
def make_scope():
    def make(*, steps=None, target=WEB1, **layers) -> Scope:
        run = {"id": "r1", "mode": "live", "operator": "ada", "started_at": "2026-01-01T00:00:00Z"}
        return Scope(
            target=target,
            inventory=InventoryView(INVENTORY),
            run=run,
            steps=None if steps is None else Steps(steps),
            **layers,
        )

    return make
