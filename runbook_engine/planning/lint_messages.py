"""Lint of the messages that a runbook promises: whom, from when until when, in which ways."""

from collections.abc import Callable, Iterator
from functools import partial

from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.inventory import LOCALHOST
from runbook_engine.model.json import JsonObject
from runbook_engine.model.message import addressed
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import ActionCall
from runbook_engine.model.team import CHANNELS, Audience, Sandbox, Team
from runbook_engine.planning.edges import Template, add_template
from runbook_engine.planning.flatten import FlatCommunication, FlatStep
from runbook_engine.planning.lint_actions import lint_call
from runbook_engine.planning.lint_context import LintContext
from runbook_engine.planning.lint_templates import lint_template
from runbook_engine.ports.action import Action, Gate, Params

_LISTS = ("first", "update", "resolved")


def lint_messages(context: LintContext, team: Team | None) -> Iterator[Diagnostic]:
    """Check every communication of a runbook and its imports."""
    seen: set[str] = set()
    for talk in context.flat.communications:
        planned = talk.planned
        yield from _steps(talk, context)
        if planned.name in seen:
            hint = "put what goes to it in different ways into one block"
            yield diagnostic("RB251", talk.place("audience"), f"{planned.audience} has a block already", hint)
        seen.add(planned.name)
        yield from _audience(talk, team)
        if not planned.update:
            text = f"nothing says how {planned.audience} gets an update, and one is promised"
            yield diagnostic("RB252", talk.place("every"), text, "add update: [{notify.email: {...}}]")
        if not planned.resolved:
            text = f"{planned.audience} would never hear that all is well"
            yield diagnostic("RB253", talk.place("audience"), text, "add resolved: [...]")
        for kind in _LISTS:
            for index, call in enumerate(getattr(planned, kind)):
                yield from _call(talk, (kind, index), call, context, team)


def lint_step_message(step: FlatStep, context: LintContext, team: Team | None) -> Iterator[Diagnostic]:
    """Check whom a step's message goes to, and that no webhook's address stands in the clear."""
    call = step.step.action
    action = context.catalog.get(call.name) if call is not None else None
    if call is not None and action is not None and action.addressees:
        yield from _addressees(partial(step.place, "params"), action, call.params, team)
        yield from _nobody(step.place("params"), action, call.params, team)


def _steps(talk: FlatCommunication, context: LintContext) -> Iterator[Diagnostic]:
    planned = talk.planned
    for key, name in (("begins", planned.begins), ("until", planned.until)):
        if name not in context.ids:
            written = name.removeprefix(context.flat.scopes[planned.scope].prefix)
            hint = did_you_mean(written, context.own_ids(planned.scope))
            yield diagnostic("RB250", talk.place(key), f"there is no step {written!r}", hint)
    if planned.begins == planned.until:
        text = "the messages would end with the step that they begin with"
        yield diagnostic("RB250", talk.place("until"), text, "name the step that shows that all is well")


def _audience(talk: FlatCommunication, team: Team | None) -> Iterator[Diagnostic]:
    if team is None:
        return
    name = talk.planned.audience
    known = team.audiences.get(name)
    if known is None:
        hint = did_you_mean(name, team.audiences) or f"team.yml has: {', '.join(sorted(team.audiences)) or 'none'}"
        yield diagnostic("RB251", talk.place("audience"), f"there is no audience {name!r} in team.yml", hint)
    elif known.sandbox == Sandbox() and known != Audience():
        text = f"{name} has no sandbox, so that a drill can't send it anything"
        hint = f"audiences.{name}.sandbox in team.yml"
        yield diagnostic("RB254", talk.place("audience"), text, hint)


def _call(
    talk: FlatCommunication, where: tuple[str, int], call: ActionCall, context: LintContext, team: Team | None
) -> Iterator[Diagnostic]:
    place = partial(talk.place, *where)
    known = context.catalog.get(call.name)
    whole = call
    if known is not None:
        params = addressed(call.params, known.addressees, talk.planned.audience)
        whole = call.model_copy(update={"params": params})
    action = yield from lint_call(place, whole, context.catalog, ("name",), ("params",), context.defaults)
    if action is not None and (isinstance(action, Gate) or not hasattr(action, "apply")):
        text = f"{call.name} tells nobody anything"
        yield diagnostic("RB252", place("name"), text, "name an action such as notify.email")
    if action is not None:
        yield from _addressees(partial(place, "params"), action, call.params, team)
        yield from _nobody(place("name"), action, whole.params, team)
    found: list[Template] = []
    for name, value in call.params.items():
        add_template(found, ("params", name), value)
    names = context.scope_names(talk.planned.scope) | {"message"}
    for template in found:
        yield from lint_template(template, place, talk.planned.scope, context, names, context.variables(LOCALHOST))


def _nobody(place: Location, action: Action[Params], params: JsonObject, team: Team | None) -> Iterator[Diagnostic]:
    """Tell of an audience that has no address for the action that is to tell it something."""
    channel = action.name.rpartition(".")[2]
    audience = params.get(action.addressees[0]) if action.addressees else None
    known = team.audiences.get(audience) if team is not None and isinstance(audience, str) else None
    others = any(params.get(name) for name in action.addressees[1:])
    if known is not None and channel in CHANNELS and not known.addresses(channel) and not others:
        text = f"nobody of {audience} can be told: it has no address for {action.name}"
        yield diagnostic("RB256", place, text, f"audiences.{audience}.{channel} in team.yml")


def _addressees(
    place: Callable[..., Location], action: Action[Params], params: JsonObject, team: Team | None
) -> Iterator[Diagnostic]:
    if not action.addressees:
        return
    audience = params.get(action.addressees[0])
    if team is not None and isinstance(audience, str) and "{" not in audience and audience not in team.audiences:
        text = f"there is no audience {audience!r} in team.yml"
        yield diagnostic("RB251", place(action.addressees[0]), text, did_you_mean(audience, team.audiences))
    url = params.get("url")
    if "url" in action.addressees and isinstance(url, str) and "{" not in url:
        text = f"{action.name} has the address of its webhook in the clear"
        yield diagnostic("RB255", place("url"), text, "keep it out of the file: url: \"{{ secret('env:NAME') }}\"")
