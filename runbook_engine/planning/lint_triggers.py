"""Lint of triggers: a condition is a check that only looks, and that can be told before there is a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.json import JsonObject
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Runbook, Step, Trigger
from runbook_engine.model.team import Team
from runbook_engine.planning.flatten import FlatStep, Source
from runbook_engine.planning.lint_actions import lint_action
from runbook_engine.planning.lint_context import LintContext
from runbook_engine.planning.lint_templates import lint_templates
from runbook_engine.ports.action import Gate
from runbook_engine.ports.catalog import Catalog


@dataclass(frozen=True, slots=True)
class _InTrigger:
    """The file, with the parts of a step in the words of a trigger's condition (`planning.flatten.Source`)."""

    file: Source

    @property
    def runbook(self) -> Runbook | None:
        """The runbook."""
        return self.file.runbook

    @property
    def imported(self) -> dict[str, Source]:
        """Nothing: a condition imports nothing."""
        return {}

    def place(self, step: int | None, *path: str | int) -> Location:
        """Give the place of a part of the condition, by the trigger's index."""
        if step is None:
            return self.file.place(None, *path)
        inner = ("name",) if path[:1] == ("action",) else path
        return self.file.place(None, "triggers", step, "when", *inner)


def lint_triggers(
    source: Source, context: LintContext, catalog: Catalog, team: Team | None, defaults: Mapping[str, JsonObject]
) -> Iterator[Diagnostic]:
    """Check the triggers of a runbook; `defaults`: what runbook.toml gives to every use of an action."""
    runbook = source.runbook
    for index, trigger in enumerate(runbook.triggers if runbook else ()):
        step = FlatStep(Step(id="trigger", action=trigger.when), (), 0, _InTrigger(source), index)
        yield from lint_action(step, catalog, team, defaults)
        yield from lint_templates(step, context)
        yield from _lint_condition(step, trigger, context, catalog)


def _lint_condition(step: FlatStep, trigger: Trigger, context: LintContext, catalog: Catalog) -> Iterator[Diagnostic]:
    action = catalog.get(trigger.when.name)
    if action is not None and (isinstance(action, Gate) or hasattr(action, "apply")):
        text = f"{action.name} does more than look, so it can't be a trigger's condition"
        yield diagnostic("RB218", step.place("action"), text, "name a check, such as status_page.check")
    runbook = step.source.runbook
    missing = {
        name for name, value in (runbook.inputs if runbook else {}).items() if value.required and value.default is None
    }
    for template in context.templates(step):
        place = step.place(*template.path)
        for reference in sorted(template.facts.references):
            yield diagnostic("RB219", place, f"step {reference} has not run when a trigger is looked at")
        for name in sorted(template.facts.names & missing):
            hint = "give the input a default, or put the value into the inventory"
            yield diagnostic("RB219", place, f"nobody has given the input {name} when a trigger is looked at", hint)
