"""The use case `plan`: what a run would do, in which order, how long it may take."""

from datetime import timedelta

from runbook_engine.model.base import Frozen
from runbook_engine.model.forecast import Forecast
from runbook_engine.model.json import JsonObject
from runbook_engine.model.names import format_duration
from runbook_engine.model.plan import Plan, PlannedCommunication, PlannedStep
from runbook_engine.model.runbook import OnFailure, Step
from runbook_engine.planning.lint_revert import changes_something, has_undoing
from runbook_engine.ports.catalog import Catalog


class StepView(Frozen):
    """One step of the plan as it is shown.

    Attributes:
        wave: length of the longest chain of steps that it waits for, from 1.
        targets: names, in inventory order.
        batches: how many tasks are started together, one batch after the other.
        asks: for a gate: whom it asks.
    """

    id: str
    name: str
    action: str
    wave: int
    targets: tuple[str, ...]
    tasks: int
    needs: tuple[str, ...]
    batches: tuple[int, ...]
    critical: bool
    timeout: str
    asks: tuple[str, ...] = ()
    always: bool = False
    conditional: bool = False


class TakenBack(Frozen):
    """What follows when a step with `on_failure: revert` fails: which steps are undone, last first, and which not."""

    step: str
    undone: tuple[str, ...]
    stay: tuple[str, ...]


class Promise(Frozen):
    """What an audience is told while the run lasts, and how."""

    audience: str
    every: str
    begins: str
    until: str
    first: tuple[str, ...]
    update: tuple[str, ...]
    resolved: tuple[str, ...]


class PlanView(Frozen):
    """A plan as it is shown.

    Attributes:
        longest_seconds: what the critical path takes when every attempt lasts until its timeout; waiting for people
            counts with the gate step's own timeout.
        forecast: how long it will take; None when nobody asked, or nothing is known.
    """

    runbook: str
    title: str
    inventory: str
    inputs: JsonObject
    steps: tuple[StepView, ...]
    tasks: int
    targets: int
    waves: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    longest_seconds: float
    fingerprint: str
    rto_seconds: float | None = None
    rpo_seconds: float | None = None
    taken_back: tuple[TakenBack, ...] = ()
    communications: tuple[Promise, ...] = ()
    forecast: Forecast | None = None

    @property
    def longest(self) -> str:
        """The longest duration, in words."""
        return format_duration(timedelta(seconds=self.longest_seconds))


def show_plan(plan: Plan, catalog: Catalog) -> PlanView:
    """Describe a plan."""
    waves: dict[str, int] = {}
    by_wave: dict[int, list[str]] = {}
    for step in plan.steps:
        waves[step.id] = 1 + max((waves[need.step] for need in step.needs), default=0)
        by_wave.setdefault(waves[step.id], []).append(step.id)
    critical = set(plan.critical_path)
    inputs = dict(plan.scopes[0].inputs)
    objectives = plan.runbook.objectives
    return PlanView(
        runbook=plan.runbook.name,
        title=plan.runbook.title,
        inventory=plan.inventory.name,
        inputs=inputs,
        steps=tuple(_step(step, waves[step.id], critical=step.id in critical) for step in plan.steps),
        tasks=len(plan.tasks),
        targets=len({target for step in plan.steps for target in step.targets}),
        waves=tuple(tuple(by_wave[number]) for number in sorted(by_wave)),
        critical_path=plan.critical_path,
        longest_seconds=sum(
            step.step.timeout.total_seconds() for step in plan.steps if step.id in critical and step.targets
        ),
        fingerprint=plan.fingerprint,
        rto_seconds=objectives.rto.total_seconds() if objectives.rto else None,
        rpo_seconds=objectives.rpo.total_seconds() if objectives.rpo else None,
        taken_back=_taken_back(plan, catalog),
        communications=tuple(_promise(talk) for talk in plan.communications),
    )


def _promise(talk: PlannedCommunication) -> Promise:
    return Promise(
        audience=talk.name,
        every=format_duration(timedelta(seconds=talk.every)),
        begins=talk.begins,
        until=talk.until,
        first=tuple(call.name for call in talk.calls("first")),
        update=tuple(call.name for call in talk.update),
        resolved=tuple(call.name for call in talk.resolved),
    )


def _taken_back(plan: Plan, catalog: Catalog) -> tuple[TakenBack, ...]:
    due = [step.id for step in plan.steps if step.step.on_failure is OnFailure.REVERT]
    if not due:
        return ()
    changing = [step.step for step in plan.steps if changes_something(step.step, catalog)]
    undone = tuple(step.id for step in reversed(changing) if has_undoing(step, catalog))
    stay = tuple(step.id for step in changing if not has_undoing(step, catalog))
    return tuple(TakenBack(step=step, undone=undone, stay=stay) for step in due)


def _step(planned: PlannedStep, wave: int, *, critical: bool) -> StepView:
    step = planned.step
    return StepView(
        id=step.id,
        name=step.name or step.id,
        action=step.action.name if step.action else "",
        wave=wave,
        targets=planned.targets,
        tasks=sum(planned.batches),
        needs=tuple(f"{need.step}@target" if need.per_target else need.step for need in planned.needs),
        batches=planned.batches,
        critical=critical,
        timeout=format_duration(step.timeout),
        asks=_asked(step),
        always=step.always,
        conditional=step.when is not None,
    )


def _asked(step: Step) -> tuple[str, ...]:
    """Give the roles that a gate asks, as written."""
    if step.action is None or not step.action.name.startswith("gate."):
        return ()
    roles = step.action.params.get("roles")
    return tuple(str(role) for role in roles) if isinstance(roles, list | tuple) else ()
