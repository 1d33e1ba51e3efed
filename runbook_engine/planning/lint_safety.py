"""Lint of what a person would ask on reading a runbook: who agreed to this, how long will it wait, who is told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.json import JsonValue
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.team import Team
from runbook_engine.planning.flatten import FlatStep, Source
from runbook_engine.planning.lint_context import LintContext
from runbook_engine.planning.lint_revert import changes_something
from runbook_engine.ports.catalog import Catalog

_COMMANDS = frozenset({"command.run", "script.run", "aws.ssm_command", "sql.query"})
# What stands between two words has a bound, so that a long text takes time that grows with its length alone.
_DESTRUCTIVE = re.compile(
    r"\brm\s+(?:-\w+\s+)*-(?:-recursive\b|\w*[rR])|\bmkfs|\bwipefs\b|\bshred\b|\bdd\b[^;|&]{0,200}\bof=/dev/"
    r"|\bdropdb\b|\bdrop\s+(?:database|table|schema)\b|\btruncate\s+(?:table\s+)?\w"
    r"|\bterraform\s+(?:\S+\s+){0,10}destroy\b|\bkubectl\s+(?:\S+\s+){0,10}delete\b"
    r"|\baws\s+(?:\S+\s+){1,10}(?:delete|terminate)-",
    re.IGNORECASE,
)
_TOLD = ("argv", "shell", "stdin", "commands", "statement", "query")
_WAITS = frozenset({"wait.for", "wait.until"})
_WORTH_TELLING = timedelta(minutes=15)
_ASK = "put a gate.approval before it, and let it need that"
_TELLS = ("notify.", "statuspage.", "jsm.")
_NEVER = frozenset({"false", "not true"})
_OWN_KEYS = frozenset({"outcome", "targets"})


def lint_safety(
    source: Source, context: LintContext, needs: Mapping[str, Sequence[str]], team: Team | None
) -> Iterator[Diagnostic]:
    """Find what is better said before the night than on it.

    Args:
        needs: ids of the steps that each step needs, without a cycle.
        team: says whom there is to tell.
    """
    agreed = _after_people(context, needs)
    for flat in context.flat.steps:
        step = flat.step
        if step.action is None:
            continue
        if step.when is False or (step.when is not None and str(step.when).strip().lower() in _NEVER):
            yield diagnostic("RB264", flat.place("when"), f"step {step.id} never runs")
        if step.action.name in _COMMANDS:
            if step.id not in agreed and (found := _DESTRUCTIVE.search(_words(step.action.params))):
                text = (
                    f"step {step.id} destroys something ({' '.join(found[0].split())}), and nobody is asked before it"
                )
                yield diagnostic("RB261", flat.place("params"), text, _ASK)
        elif (action := context.catalog.get(step.action.name)) is not None:
            if step.id not in agreed and action.no_return:
                text = f"{action.name} can't be taken back, and nobody is asked before it"
                yield diagnostic("RB260", flat.place(), text, _ASK)
            yield from _lint_waits(flat)
    yield from _lint_told(source, context, team)


def lint_outputs(step: FlatStep, context: LintContext, actions: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Find outputs that a step's templates use and no action gives.

    Args:
        actions: name of each step's action, by the step's id.
    """
    for template in context.templates(step):
        # Most templates take nothing from steps, and a long runbook has tens of thousands of them.
        for name, output in sorted(template.facts.outputs) if template.facts.outputs else ():
            prefix = context.flat.scopes[step.scope].prefix
            known = _outputs(context.catalog, actions.get(prefix + name, ""))
            if known and output not in known:
                text = f"{actions[prefix + name]} of step {name} has no output {output!r}"
                yield diagnostic(
                    "RB222", step.place(*template.path), text, f"it has {', '.join(sorted(known - _OWN_KEYS))}"
                )


def _outputs(catalog: Catalog, name: str) -> frozenset[str]:
    """Name the outputs of an action; none when it says nothing of them."""
    action = catalog.get(name) if name else None
    fields = action.Outputs.model_fields if action else {}
    names = frozenset(field.alias or own for own, field in fields.items())
    return names | _OWN_KEYS if names else names


def _after_people(context: LintContext, needs: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Name the steps that come after a person's decision, through all that they need."""
    asks = ("gate.approval", "manual.task")
    pending = [one.step.id for one in context.flat.steps if one.step.action and one.step.action.name in asks]
    if not pending:
        return frozenset()
    found: set[str] = set()
    followers: dict[str, list[str]] = {}
    for step, before in needs.items():
        for name in before:
            followers.setdefault(name, []).append(step)
    while pending:
        for name in followers.get(pending.pop(), ()):
            if name not in found:
                found.add(name)
                pending.append(name)
    return frozenset(found)


def _words(params: Mapping[str, JsonValue]) -> str:
    """Give what a command says, its guards left out: these only look."""
    told: list[str] = []
    for name in _TOLD:
        if part := params.get(name):
            told += map(str, part) if isinstance(part, list | tuple) else (str(part),)
    return " ".join(told)


def _lint_waits(flat: FlatStep) -> Iterator[Diagnostic]:
    """A step that waits for something else says how long, because half an hour is rarely what is meant."""
    step = flat.step
    own = flat.source.runbook.steps[flat.index] if flat.source.runbook else step
    if step.action is None or step.action.name not in _WAITS or "duration" in step.action.params:
        return
    if "timeout" not in own.model_fields_set:
        text = f"step {step.id} waits, and nobody says how long"
        yield diagnostic("RB262", flat.place(), text, "give it a timeout")


def _lint_told(source: Source, context: LintContext, team: Team | None) -> Iterator[Diagnostic]:
    """A runbook that has an objective and changes something tells somebody, where there is anybody to tell."""
    runbook = source.runbook
    if runbook is None or team is None or not team.audiences or runbook.communications:
        return
    if runbook.objectives.rto is None or runbook.objectives.rto < _WORTH_TELLING:
        return
    steps = [step.step for step in context.flat.steps]
    if any(step.action and step.action.name.startswith(_TELLS) for step in steps):
        return
    if any(changes_something(step, context.catalog) for step in steps):
        text = "the runbook has an objective and changes something, and tells nobody"
        yield diagnostic("RB263", source.place(None, "objectives"), text, "add communications, or a notify step")
