"""What every action must hold to, as one function that a plugin's test calls."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from runbook_engine.loading.yaml_source import read_yaml
from runbook_engine.model.config import Limits
from runbook_engine.sdk import Action, Effect, Finding, Gate, JsonValue, Outputs, Params, ReadOnlyError
from runbook_engine.testing.context import FakeContext

NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
AWS_OPERATION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+")


class ContractError(AssertionError):
    """An action breaks the contract; the message lists every breach and what to do about it."""


@dataclass(frozen=True, slots=True)
class ContractCase:
    """One situation to try an action in.

    Attributes:
        params: as in a runbook.
        world: makes the hands, in the state before the step; called anew for each trial.
    """

    name: str
    params: Mapping[str, object]
    world: Callable[[], FakeContext]


def check_action_contract(action: Action[Any], cases: Sequence[ContractCase]) -> None:
    """Try an action in every case.

    It must be described; its check must change nothing and say the same twice; after apply its check must be
    satisfied (or still not know); a second apply must do no harm; revert must undo; outputs must be the declared ones;
    AWS operations must be declared.

    Raises:
        ContractError: it breaks the contract.
    """
    problems = [*_described(action), *_exemplified(action)]
    if not isinstance(action, Gate) and not cases:
        problems.append("no case to try it in: give at least one ContractCase")
    for case in cases:
        problems += [f"case {case.name!r}: {problem}" for problem in _tried(action, case)]
    if problems:
        lines = "\n".join(f"- {problem}" for problem in problems)
        raise ContractError(f"action {getattr(action, 'name', type(action).__name__)} breaks the contract:\n{lines}")


def _described(action: Action[Any]) -> Iterator[str]:
    """Look at the declarations."""
    name = getattr(action, "name", "")
    if NAME.fullmatch(name) is None:
        yield f"its name {name!r} is not like family.verb: set the class attribute `name`"
    if not (type(action).__doc__ or "").strip():
        yield "its class has no docstring: say in one line what it does, then what check and apply do"
    params = getattr(action, "Params", None)
    if not (isinstance(params, type) and issubclass(params, Params)):
        yield "it has no Params: set the class attribute to a subclass of sdk.Params"
        return
    for model in (*_models(params), *_models(action.Outputs)):
        yield from _described_model(model)
    if not isinstance(action, Gate) and type(action).check is Action.check:
        yield "it has no check: write one, or nobody can tell whether its work is done"
    for operation in (*action.aws_reads, *action.aws_writes):
        if AWS_OPERATION.fullmatch(operation) is None:
            yield f"{operation!r} is not like rds:DescribeDBInstances"


def _described_model(model: type[BaseModel]) -> Iterator[str]:
    if not (model.__doc__ or "").strip():
        yield f"{model.__name__} has no docstring"
    for name, field in model.model_fields.items():
        if not field.description:
            yield f"{model.__name__}.{name} has no description: say what it is, with its unit"


def _exemplified(action: Action[Any]) -> Iterator[str]:
    """Look at the example: it must be what one would write into a runbook."""
    try:
        document: Any = read_yaml(action.example, file="example", limits=Limits()).root
        body = document[action.name]
    except (TypeError, KeyError):
        yield f"its example is not YAML that begins with `{getattr(action, 'name', '')}:`"
        return
    values = {key: [True] if key in action.expressions else value for key, value in body.items()}
    try:
        action.Params.model_validate(values)
    except ValidationError as error:
        yield f"its example does not fit its Params: {error}"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Give a model and all models that its fields hold."""
    if model not in {Params, Outputs}:
        yield model
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _models(part)


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _tried(action: Action[Any], case: ContractCase) -> Iterator[str]:
    try:
        params = action.Params.model_validate(dict(case.params))
    except ValidationError as error:
        yield f"its params are not valid: {error}"
        return
    world = case.world()
    try:
        before = action.check(params, world.reading(action, params))
        again = action.check(params, world.reading(action, params))
    except ReadOnlyError as error:
        yield f"check tried to change something ({error.message}): move that into apply"
        return
    if _said(before) != _said(again):
        yield f"check said two things of one state: first {_said(before)}, then {_said(again)}"
    yield from _undeclared_calls(world, action.aws_reads, "check", "aws_reads")
    if before.satisfied:
        yield from _outputs_problems(action, before.outputs)
    elif hasattr(action, "apply"):
        yield from _applied(action, params, world, before)


def _applied(action: Any, params: Params, world: FakeContext, before: Finding) -> Iterator[str]:
    applied = action.apply(params, world)
    after = action.check(params, world.reading(action, params))
    if after.status not in {before.status, "satisfied"} or (after.status == before.status == "unsatisfied"):
        yield f"after apply its check says {after.status} ({after.summary}); apply must bring about what it looks for"
    outputs = {**applied.outputs, **after.outputs}
    yield from _outputs_problems(action, outputs)
    yield from _undeclared_calls(world, (*action.aws_reads, *action.aws_writes), "apply", "aws_writes")
    if action.effect is not Effect.ONCE:
        state = world.connection.state()
        action.apply(params, world)
        if world.connection.state() != state:
            yield "a second apply changed files again: apply must look at what is there first"
        if action.check(params, world.reading(action, params)).status != after.status:
            yield "a second apply undid what the first one did"
    if hasattr(action, "revert") and after.satisfied:
        action.revert(params, world.with_recorded(outputs))
        if action.check(params, world.reading(action, params)).satisfied:
            yield "after revert its check is still satisfied: revert must undo what apply did"
        yield from _undeclared_calls(world, (*action.aws_reads, *action.aws_writes), "revert", "aws_writes")


def _said(finding: Finding) -> tuple[str, object, object]:
    return finding.status.value, finding.changes, finding.outputs


def _outputs_problems(action: Action[Any], outputs: Mapping[str, JsonValue]) -> Iterator[str]:
    declared = {field.alias or name for name, field in action.Outputs.model_fields.items()}
    for name in sorted(outputs.keys() - declared):
        yield f"output {name!r} is not declared: add it to {action.Outputs.__name__} with a description"
    try:
        action.Outputs.model_validate(dict(outputs))
    except ValidationError as error:
        yield f"its outputs do not fit {action.Outputs.__name__}: {error}"


def _undeclared_calls(world: FakeContext, declared: Sequence[str], where: str, attribute: str) -> Iterator[str]:
    known = {operation.lower() for operation in declared}
    for name in sorted({name for name, _ in world.cloud.calls}):
        if name.replace("_", "").lower() not in known:
            yield f"{where} calls {name}, which {attribute} does not declare: add it"
