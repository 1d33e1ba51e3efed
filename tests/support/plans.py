"""Builds small plans without files."""

from collections.abc import Mapping, Sequence

from runbook_engine.model.inventory import Group, Inventory, Target
from runbook_engine.model.plan import Plan, PlannedCommunication, PlannedStep, ScopeValues
from runbook_engine.model.runbook import ActionCall, Need, Runbook, Step
from runbook_engine.planning.amounts import batches, resolve


def inventory_of(names: Sequence[str], variables: Mapping[str, object] | None = None) -> Inventory:
    """An inventory of these hosts, all in no group."""
    return Inventory(
        name="test",
        targets={
            name: Target(name=name, variables={"ansible_connection": "local", **(variables or {})}) for name in names
        },
        groups={
            "all": Group(name="all", children=("ungrouped",)),
            "ungrouped": Group(name="ungrouped", hosts=tuple(names)),
        },
    )


def planned(
    step_id: str, targets: Sequence[str] = ("localhost",), needs: Sequence[str] = (), **step: object
) -> PlannedStep:
    """One step, as the planner would resolve it; `needs` in the words of a runbook (`x@target`)."""
    edges = tuple(
        Need(step=need.removesuffix("@target"), per_target=need.endswith("@target")) for need in sorted(needs)
    )
    step.setdefault("action", ActionCall(name="test.do"))
    made = Step(id=step_id, needs=edges, **step)
    sizes = batches(made.batch, len(targets))
    return PlannedStep(
        step=made,
        needs=edges,
        targets=tuple(targets),
        batches=sizes,
        max_failures=resolve(made.max_failures, len(targets), least=0),
        digest=step_id,
    )


def talk(
    audience: str = "customers", every: float = 1800.0, begins: str = "a", until: str = "z", **lists
) -> PlannedCommunication:
    """Messages owed; each list has one message of `test.tell`, unless told otherwise."""
    kinds = {kind: (ActionCall(name="test.tell", params={"text": kind}),) for kind in ("first", "update", "resolved")}
    return PlannedCommunication(
        name=audience, audience=audience, every=every, begins=begins, until=until, **{**kinds, **lists}
    )


def plan_of(
    *steps: PlannedStep, inventory: Inventory | None = None, communications: Sequence[PlannedCommunication] = ()
) -> Plan:
    """A plan of steps that are given in a right order."""
    runbook = Runbook(runbook="test", steps=tuple(step.step for step in steps))
    names = sorted({target for step in steps for target in step.targets} - {"localhost"})
    return Plan(
        runbook=runbook,
        inventory=inventory or inventory_of(names),
        steps=steps,
        scopes=(ScopeValues(),),
        fingerprint="f" * 64,
        communications=tuple(communications),
    )
