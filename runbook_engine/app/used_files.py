"""The project's files that steps and messages of a plan read, as far as they are known before the run."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator

from runbook_engine.app.known_scope import known_scope
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.expressions.render import has_templates, render
from runbook_engine.expressions.scope import InventoryView, Scope
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonValue
from runbook_engine.model.plan import Plan
from runbook_engine.model.runbook import ActionCall


def used_files(project: OpenProject, plan: Plan) -> dict[str, str]:
    """Give the SHA-256 of scripts, templates, files to copy and texts of messages, by path from the project's root.

    A path that depends on what an earlier step gives is not known yet, and a file that is not there now has no hash:
    neither is in it. That a file is missing is said by its step, and before by `runbook validate`.
    """
    found: dict[str, str] = {}
    for path in dict.fromkeys(_paths(project, plan)):
        try:
            data = read_project_file(project.root, path)
        except RunbookError:
            continue  # the step itself says what is wrong with its file
        found[posixpath.normpath(path)] = hashlib.sha256(data).hexdigest()
    return found


def _paths(project: OpenProject, plan: Plan) -> Iterator[str]:
    inventory = InventoryView(plan.inventory)
    for index, planned in enumerate(plan.steps):
        for call in (planned.step.action, planned.step.revert):
            for written in _written(project, call):
                yield from _known(written, (known_scope(plan, task, inventory) for task in plan.tasks_of(index)))
    for talk in plan.communications:
        values = plan.scopes[talk.scope]
        scope = Scope(inventory=inventory, inputs=values.inputs, runbook_vars=values.vars)
        for call in (*talk.first, *talk.update, *talk.resolved):
            for written in _written(project, call):
                yield from _known(written, (scope,))


def _written(project: OpenProject, call: ActionCall | None) -> Iterator[JsonValue]:
    """Give the parameters of a call that name files, templates and all."""
    action = project.catalog.get(call.name) if call is not None else None
    if call is None or action is None:
        return
    params = {**project.config.defaults.get(call.name, {}), **call.params}
    yield from (params[name] for name in (*action.template_files, *action.project_files) if name in params)


def _known(written: JsonValue, scopes: Iterable[Scope]) -> Iterator[str]:
    if isinstance(written, str) and not has_templates(written):
        yield written
        return
    for scope in scopes:
        try:
            rendered = render(written, scope)
        except RunbookError:
            continue  # it depends on the run, or is wrong, which the step says
        if isinstance(rendered.value, str) and not rendered.unknown and not rendered.secrets:
            yield rendered.value
