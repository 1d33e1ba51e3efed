"""Lint rules: what can be said of a runbook before it runs, all findings at once."""

from collections.abc import Iterator, Mapping, Sequence

from runbook_engine.expressions.references import names_used
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.inventory import Inventory
from runbook_engine.model.json import JsonObject
from runbook_engine.model.plan import ScopeValues
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.team import Team
from runbook_engine.planning.edges import all_needs
from runbook_engine.planning.flatten import FlatStep, ReadInputs, Source, flatten
from runbook_engine.planning.graph import find_cycle
from runbook_engine.planning.lint_actions import lint_action
from runbook_engine.planning.lint_context import LintContext
from runbook_engine.planning.lint_messages import lint_messages, lint_step_message
from runbook_engine.planning.lint_plan_time import lint_plan_time
from runbook_engine.planning.lint_revert import lint_taken_back
from runbook_engine.planning.lint_safety import lint_outputs, lint_safety
from runbook_engine.planning.lint_support import lint_support
from runbook_engine.planning.lint_templates import lint_templates, lint_vars
from runbook_engine.planning.lint_triggers import lint_triggers
from runbook_engine.planning.targets import TargetPatternError
from runbook_engine.ports.catalog import Catalog


def lint(
    source: Source,
    catalog: Catalog,
    *,
    team: Team | None = None,
    inventories: Sequence[Inventory] = (),
    defaults: Mapping[str, JsonObject] | None = None,
    read_inputs: ReadInputs | None = None,
) -> list[Diagnostic]:
    """Check a loaded runbook (and what it imports) against everything it refers to.

    Args:
        team: when given, roles must be in it.
        inventories: when given, host patterns must match in at least one of them, and names in templates must be
            known to it.
        defaults: parameters that the project's configuration gives, by action.
        read_inputs: completes and checks what an import step gives; None: that is not looked at.
    """
    runbook = source.runbook
    if runbook is None:
        return []
    found: list[Diagnostic] = list(lint_support(source))
    if team is not None and runbook.owner is not None and runbook.owner not in team.roles:
        hint = did_you_mean(runbook.owner, team.roles)
        found.append(diagnostic("RB208", source.place(None, "owner"), f"owner {runbook.owner} is no role", hint))
    given = {name: value.default for name, value in runbook.inputs.items()}
    flat = flatten(source, given, read_inputs=None, render=_as_written)
    context = LintContext(flat, catalog, inventories, defaults)
    actions = {step.step.id: step.step.action.name for step in flat.steps if step.step.action is not None}
    for step in flat.steps:
        found += lint_outputs(step, context, actions)
        found += lint_action(step, catalog, team, context.defaults)
        found += lint_step_message(step, context, team)
        found += lint_templates(step, context)
        found += _lint_targets(step, context)
    for scope, file in {step.scope: step.source for step in flat.steps}.items():
        found += lint_vars(file, scope, context)
    found += lint_messages(context, team)
    found += lint_triggers(source, context, catalog, team, context.defaults)
    found += lint_plan_time(source, context, read_inputs)
    found += _lint_graph(source, context, team)
    found += _lint_unused(source, context)
    return sorted(found, key=lambda item: (item.location.file, item.location.line, item.location.column, item.rule))


def _as_written(value: JsonObject, scope: ScopeValues) -> JsonObject:
    """Leave an import's inputs unrendered: their values are known at plan time only."""
    del scope
    return value


def _lint_targets(step: FlatStep, context: LintContext) -> Iterator[Diagnostic]:
    """A pattern must be readable, and match something in at least one inventory."""
    pattern = step.step.targets
    if "{{" in pattern:
        hint = "name a group, and let the inventory say what is in it"
        yield diagnostic("RB209", step.place("targets"), "targets takes a host pattern, and no template", hint)
        return
    chosen = context.choose(pattern)
    if not chosen or any(not isinstance(found, TargetPatternError) and found for found in chosen):
        return
    if isinstance(chosen[0], TargetPatternError):
        yield diagnostic("RB209", step.place("targets"), chosen[0].message, chosen[0].hint)
    else:
        text = f"no target of inventory {context.inventories[0].name} matches {pattern!r}"
        yield diagnostic("RB209", step.place("targets"), text)


def _lint_graph(source: Source, context: LintContext, team: Team | None) -> Iterator[Diagnostic]:
    """Edges lead to steps that exist, and to no cycle; and what lies on the ways is as people would want it."""
    flat, known = context.flat, context.ids
    names: dict[str, tuple[str, ...]] = {}
    for step in flat.steps:
        scope = flat.scopes[step.scope]
        for need in step.needs:
            if need.step not in known:
                written = need.step.removeprefix(scope.prefix)
                text = f"step {step.step.id} needs {written!r}, and there is no such step"
                hint = did_you_mean(written, context.own_ids(step.scope))
                yield diagnostic("RB203", _need_place(step, written), text, hint)
        edges = all_needs(step, scope, context.catalog, context.templates(step))
        names[step.step.id] = tuple(need.step for need in edges if need.step in known)
    if cycle := find_cycle(names):
        first = next(step for step in flat.steps if step.step.id in cycle)
        yield diagnostic("RB206", first.place("needs"), f"the steps wait for each other: {' → '.join(cycle)}")
        return
    yield from lint_taken_back(flat.steps, names, context.catalog)
    yield from lint_safety(source, context, names, team)


def _need_place(step: FlatStep, written: str) -> Location:
    own = step.source.runbook.steps[step.index].needs if step.source.runbook else ()
    position = next((index for index, need in enumerate(own) if need.step == written), None)
    return step.place("needs") if position is None else step.place("needs", position)


def _lint_unused(source: Source, context: LintContext) -> Iterator[Diagnostic]:
    """Every input is used by something."""
    runbook = source.runbook
    if runbook is None:
        return
    used: set[str] = set(names_used(runbook.vars))
    for step in context.flat.steps:
        if step.scope != 0:
            continue
        for template in context.templates(step):
            used |= template.facts.names
        if isinstance(step.step.loop, str):
            used |= names_used(step.step.loop, bare=True)
        used |= names_used(step.step.name or "")
    for original in runbook.steps:
        if original.imported is not None:
            used |= names_used(original.imported.inputs)
    used |= _used_outside_steps(source)
    for name in runbook.inputs:
        if name not in used:
            yield diagnostic("RB215", source.place(None, "inputs", name), f"nothing uses the input {name}")


def _used_outside_steps(source: Source) -> frozenset[str]:
    """Names in communications and triggers."""
    runbook = source.runbook
    if runbook is None:
        return frozenset()
    calls = [call for talk in runbook.communications for call in (*talk.first, *talk.update, *talk.resolved)]
    calls += [trigger.when for trigger in runbook.triggers]
    return frozenset(name for call in calls for name in names_used(call.params))
