"""Lint of one step's action: it exists, and its parameters have the right names and types."""

from collections.abc import Callable, Generator, Iterator, Mapping

from pydantic import ValidationError

from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import ActionCall
from runbook_engine.model.team import Team
from runbook_engine.planning.flatten import FlatStep
from runbook_engine.ports.action import (
    Action,
    Gate,
    Params,
)
from runbook_engine.ports.catalog import Catalog

Place = Callable[..., Location]


def lint_action(
    step: FlatStep, catalog: Catalog, team: Team | None, defaults: Mapping[str, JsonObject]
) -> Iterator[Diagnostic]:
    """Check a step's action and its parameters, and those of the action that undoes it."""
    if step.step.action is not None:
        action = yield from lint_call(step.place, step.step.action, catalog, ("action",), ("params",), defaults)
        if isinstance(action, Gate):
            yield from _lint_gate(step, team)
    if step.step.revert is not None:
        other = yield from lint_call(
            step.place, step.step.revert, catalog, ("revert", "name"), ("revert", "params"), defaults
        )
        if other is not None and not hasattr(other, "apply"):
            text = f"{other.name} changes nothing, so it can't undo the step"
            yield diagnostic("RB213", step.place("revert", "name"), text, "name an action that changes something")


def lint_call(
    place: Place,
    call: ActionCall,
    catalog: Catalog,
    name: tuple[str, ...],
    params: tuple[str, ...],
    defaults: Mapping[str, JsonObject],
) -> Generator[Diagnostic, None, Action[Params] | None]:
    """Check that an action exists and takes these parameters, and give it.

    Args:
        name, params: where they stand, for `place`.
        defaults: parameters that the project's configuration gives, by action.
    """
    action = catalog.get(call.name)
    if action is None:
        hint = did_you_mean(call.name, catalog.names()) or "`runbook actions` lists what there is"
        yield diagnostic("RB201", place(*name), f"there is no action {call.name!r}", hint)
        return None
    own = defaults.get(call.name)
    given = {**own, **call.params} if own else dict(call.params)
    yield from _lint_params(place, action, call.name, given, params)
    return action


def _lint_params(
    place: Place, action: Action[Params], name: str, given: JsonObject, where: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """Validate the parameters; what a template will give can't be judged yet."""
    try:
        action.Params.model_validate(given)
    except ValidationError as error:
        fields = {field.alias or key for key, field in action.Params.model_fields.items()}
        for problem in error.errors(include_url=False):
            path = tuple(problem["loc"])
            if problem["type"] == "missing" or problem["type"] == "extra_forbidden":
                written: JsonValue = None
            else:
                written = _at(given, path)
            if _has_template(written) or (path and path[0] in action.expressions):
                continue
            text = f"{name}: {'.'.join(str(part) for part in path) or 'parameters'}: {_plain(problem['msg'])}"
            hint = ""
            if problem["type"] == "extra_forbidden":
                text = f"{name} has no parameter {'.'.join(str(part) for part in path)!r}"
                hint = did_you_mean(str(path[-1]), fields) or f"it has: {', '.join(sorted(fields))}"
            yield diagnostic("RB202", place(*where, *path), text, hint)


def _lint_gate(step: FlatStep, team: Team | None) -> Iterator[Diagnostic]:
    """A gate's roles exist, and enough people have them."""
    params: Mapping[str, JsonValue] = step.step.action.params if step.step.action else {}
    roles = params.get("roles")
    if team is None or not isinstance(roles, list | tuple):
        return
    for index, role in enumerate(roles):
        if isinstance(role, str) and not _has_template(role) and role not in team.roles:
            text = f"role {role!r} is not in team.yml"
            yield diagnostic("RB208", step.place("params", "roles", index), text, did_you_mean(role, team.roles))
    known = [role for role in roles if role in team.roles]
    able = sum(bool(set(person.roles) & set(known)) for person in team.people.values())
    quorum = params.get("quorum", 1)
    if known and isinstance(quorum, int) and able and quorum > able:
        text = f"{quorum} people must approve, and {able} in team.yml can"
        yield diagnostic(
            "RB208", step.place("params", "quorum"), text, "lower the quorum, or give more people the role"
        )
    if known and not able:
        yield diagnostic("RB208", step.place("params", "roles"), f"nobody in team.yml has a role of {known}")
    elif known and params.get("signed") is True and not _can_sign(team, tuple(known)):
        text = f"nobody with a role of {known} has ssh_keys in team.yml that can sign, so nobody can answer this gate"
        yield diagnostic("RB208", step.place("params", "signed"), text, "give people their ssh_keys")


def _can_sign(team: Team, roles: tuple[str, ...]) -> bool:
    # With the words of signatures come those of all events, and few runbooks have such a gate.
    from runbook_engine.model.signed_answer import signers

    return bool(signers(team, roles))


def _at(value: JsonValue, path: tuple[str | int, ...]) -> JsonValue:
    """Follow a path of pydantic's as far as it leads; it may name union members that the value has not."""
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[str(part)]
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
    return value


def _has_template(value: JsonValue) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(_has_template(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_template(item) for item in value)
    return False


def _plain(message: str) -> str:
    """Take pydantic's prefix off a message of our own."""
    return message.removeprefix("Value error, ")
