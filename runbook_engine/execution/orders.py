"""From a task that may start to what is done about it: an order, a gate, or an end without any contact."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from pydantic import ValidationError

from runbook_engine.execution.elsewhere import begun_elsewhere
from runbook_engine.execution.outputs import StepResults
from runbook_engine.execution.parameters import parameters_digest, render_files, render_params
from runbook_engine.execution.state import RunState
from runbook_engine.expressions.errors import KnownAfterApplyError
from runbook_engine.expressions.render import Rendered, evaluate_bool, has_templates, render, unrendered
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.event import GateOpened
from runbook_engine.model.json import JsonObject
from runbook_engine.model.outcome import Mode, Outcome
from runbook_engine.model.plan import Plan, PlannedStep, Task
from runbook_engine.model.runbook import ActionCall
from runbook_engine.model.signed_answer import signers
from runbook_engine.model.team import Team
from runbook_engine.ports.action import (
    Action,
    Gate,
    Params,
)
from runbook_engine.ports.catalog import Catalog
from runbook_engine.ports.clock import Clock
from runbook_engine.ports.dispatcher import AttemptOrder


@dataclass(frozen=True, slots=True)
class Skip:
    """The task is not to be done, and that is well."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A dry run can't say anything of the task: it depends on values that only a real run gives."""

    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invalid:
    """The task can't be ordered: a template or a parameter is wrong for this target."""

    error: str


@dataclass(frozen=True, slots=True)
class OpenGate:
    """The task waits for a person."""

    event: GateOpened


@dataclass(frozen=True, slots=True)
class Ordered:
    """The task can be attempted; `parameters` is the SHA-256 of its rendered parameters."""

    order: AttemptOrder
    parameters: str


Prepared = Skip | Unknown | Invalid | OpenGate | Ordered


@dataclass(frozen=True, slots=True)
class _Values:
    """What a task's templates gave; `digest` is of the parameters, secrets as references."""

    parameters: JsonObject
    environment: dict[str, str]
    secrets: dict[str, str]
    unknown: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class RunNames:
    """What templates see as `run`."""

    id: str
    mode: Mode
    operator: str
    started_at: str

    def as_json(self) -> JsonObject:
        """Give the names as plain data."""
        return {"id": self.id, "mode": str(self.mode), "operator": self.operator, "started_at": self.started_at}


@dataclass(frozen=True, slots=True)
class Past:
    """The run that is taken back: its tasks are rendered as they were, with its own outputs and names."""

    plan: Plan
    state: RunState
    run: RunNames


@dataclass(slots=True)
class OrderMaker:
    """Renders what a task's templates say and makes its order.

    Attributes:
        defaults: parameters of each action that the project's configuration gives.
        project_file: reads a file of the project, for template files.
        team: whose keys count under an answer to a gate.
        past: the run that this one takes back, None for any other run.
    """

    plan: Plan
    state: RunState
    catalog: Catalog
    run: RunNames
    clock: Clock
    project_file: Callable[[str], bytes]
    defaults: Mapping[str, JsonObject] = field(default_factory=dict)
    fence: int = 0
    team: Team = field(default_factory=Team)
    past: Past | None = None
    _inventory: InventoryView | None = None
    _names: JsonObject = field(init=False)
    _constants: dict[int, _Values] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = (self.past.run if self.past else self.run).as_json()

    def prepare(self, task: Task, *, number: int, taints: bool) -> Prepared:
        """Say what is to be done about a task that may start; never raises for what a runbook or a host said."""
        planned = self.plan.steps[task.step]
        if self.past is not None and self.past.state.task(task.id).outcome is not Outcome.CHANGED:
            return Skip(f"run {self.past.run.id} did not change it")
        try:
            if planned.step.when is not None and not self._holds(planned.step.when, self.scope(task)):
                return Skip(f"when: {planned.step.when} is false")
            return self._order(task, planned, number=number, taints=taints)
        except KnownAfterApplyError as unknown:
            return Unknown((unknown.reference,))
        except RunbookError as error:
            return Invalid(f"{error.message} ({error.hint})" if error.hint else error.message)

    def accepted(self, task: Task, outputs: JsonObject) -> bool:
        """Tell whether a step's `retry.until` holds for what an attempt gave; true without one.

        Raises:
            RunbookError: the expression can't be evaluated.
        """
        until = self.plan.steps[task.step].step.retry.until
        if until is None:
            return True
        return evaluate_bool(until, self.scope(task).with_names({"result": outputs}))

    def scope(self, task: Task) -> Scope:
        """Give the names that a task's templates see."""
        planned = self.plan.steps[task.step]
        item = {"item": planned.items[task.item]} if planned.items is not None else {}
        return self.scope_at(planned.scope, task.target, step_vars=planned.step.vars, here=item)

    def scope_at(self, scope: int, target: str, *, step_vars: JsonObject | None = None, here: JsonObject) -> Scope:
        """Give the names that templates of one file see on a target, `here` before all others."""
        values = self.plan.scopes[scope]
        if self._inventory is None:
            self._inventory = InventoryView(self.plan.inventory)
        dry_run = self.run.mode is Mode.DRY_RUN
        return Scope(
            target=self.plan.target(target),
            inventory=self._inventory,
            inputs=values.inputs,
            runbook_vars=values.vars,
            step_vars=step_vars,
            run=self._names,
            steps=StepResults(
                self.past.plan if self.past else self.plan,
                self.past.state if self.past else self.state,
                prefix=values.prefix,
                dry_run=dry_run and self.past is None,
            ),
            here=here,
        )

    def _holds(self, when: str | bool, scope: Scope) -> bool:
        return when if isinstance(when, bool) else evaluate_bool(when, scope)

    def _order(self, task: Task, planned: PlannedStep, *, number: int, taints: bool) -> Prepared:
        call = cast("ActionCall", planned.step.action)
        action = self.catalog.get(call.name)
        if action is None:
            return Invalid(f"there is no action {call.name}")
        values = self._constants.get(task.step) or self._render(task, planned, action)
        if values.unknown:
            return Unknown(values.unknown)
        parameters = values.parameters
        if isinstance(action, Gate):
            return self._gate(task, action, parameters)
        secrets = dict(values.secrets)
        files: dict[str, str] = {}
        if action.template_files:
            files = render_files(action, parameters, self.scope(task), secrets, self.project_file)
        state = self.state.task(task.id)
        order = AttemptOrder(
            run=self.run.id,
            task=task.id,
            step=planned.id,
            number=number,
            action=call.name,
            parameters=parameters,
            secrets=secrets,
            target=self.plan.target(task.target),
            mode=self.run.mode,
            runbook=self.plan.runbook.name,
            operator=self.run.operator,
            token=self.state.token(task.id),
            timeout=planned.step.timeout.total_seconds(),
            fence=self.fence,
            settle=state.unproven_end,
            elsewhere=begun_elsewhere(self.state, task.id, self.plan.target(task.target)) if state.unproven_end else "",
            # A step's own `revert` is an action of its own: what the step's action recorded is none of its past.
            recorded=self.past.state.task(task.id).outputs if self.past and planned.undoes else state.partial,
            undo=planned.undoes,
            rendered=files,
            taints=taints,
            become_user=planned.step.become_user if planned.step.become else None,
            environment=values.environment,
            sensitive=planned.step.sensitive,
        )
        return Ordered(order, values.digest)

    def _render(self, task: Task, planned: PlannedStep, action: Action[Params]) -> "_Values":
        """Render what a task is given; a step without templates gives all its tasks the same."""
        call = cast("ActionCall", planned.step.action)
        written = {**self.defaults.get(call.name, {}), **call.params}
        if not action.expressions and not has_templates(written) and not has_templates(planned.step.environment):
            parameters = cast("JsonObject", unrendered(written))
            values = _Values(parameters, dict(planned.step.environment), {}, (), parameters_digest(parameters, {}))
            self._constants[task.step] = values
            return values
        scope = self.scope(task)
        rendered = render_params(action, written, scope)
        environment = render(dict(planned.step.environment), scope) if planned.step.environment else Rendered({})
        parameters = cast("JsonObject", rendered.value)
        secrets = {**rendered.secrets, **environment.secrets}
        return _Values(
            parameters=parameters,
            environment={name: str(value) for name, value in cast("JsonObject", environment.value).items()},
            secrets=secrets,
            unknown=tuple(dict.fromkeys(rendered.unknown + environment.unknown)),
            digest=parameters_digest(parameters, secrets),
        )

    def _gate(self, task: Task, action: Gate[Params], parameters: JsonObject) -> Prepared:
        try:
            params = action.Params.model_validate(parameters)
        except ValidationError as error:
            return Invalid("; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors()))
        expires: timedelta | None = getattr(params, "expires", None)
        now = self.clock.now()
        opens_at = action.opens_at(params, now)
        if opens_at is not None and expires is not None:
            if opens_at > now + expires:
                return Invalid(f"opens at {opens_at.isoformat(timespec='minutes')}, and waits for {expires} at most")
            expires = None
        return OpenGate(
            GateOpened(
                task=task.id,
                roles=tuple(getattr(params, "roles", ())),
                quorum=getattr(params, "quorum", 1),
                message=str(getattr(params, "message", "") or ""),
                expires_at=now + expires if expires else None,
                opens_at=opens_at,
                fingerprint=self.state.fingerprint,
                by_hand=action.by_hand,
                requester=None if getattr(params, "allow_requester", True) else self.state.requester,
                signed=bool(getattr(params, "signed", False)),
                signers=signers(self.team, tuple(getattr(params, "roles", ()))),
            )
        )
