"""Lint of the project's files that steps and messages name: they are there, and their templates are well-formed."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from runbook_engine.expressions.references import check_syntax
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import ActionCall
from runbook_engine.planning.flatten import Source, flatten
from runbook_engine.ports.catalog import Catalog

Place = Callable[..., Location]
ReadFile = Callable[[str], bytes]
_MESSAGES = ("first", "update", "resolved")
_Problem = tuple[str, str, str]


def lint_files(
    source: Source, catalog: Catalog, defaults: Mapping[str, JsonObject], read: ReadFile
) -> Iterator[Diagnostic]:
    """Find files that a runbook, or what it imports, names and that can't be used. Each is read once.

    Args:
        defaults: parameters that the project's configuration gives, by action.
        read: gives a file of the project by its path; raises `RunbookError`.
    """
    if not any(_files(catalog, name) for name in _names(source)):
        return  # (most runbooks, and to make the steps of a long one known takes its time)
    known: dict[tuple[str, bool], list[_Problem]] = {}
    for place, call in _calls(source):
        action, names = catalog.get(call.name), _files(catalog, call.name)
        if action is None or not names:
            continue
        given = defaults.get(call.name, {})
        for name in names:
            path = call.params.get(name, given.get(name))
            if not isinstance(path, str) or "{{" in path or "{%" in path:
                continue
            key = (path, name in action.template_files)
            if key not in known:
                known[key] = list(_problems(*key, read))
            for rule, text, hint in known[key]:
                yield diagnostic(rule, place(name), f"{call.name}: {text}", hint)


def _files(catalog: Catalog, name: str) -> tuple[str, ...]:
    """Name the parameters of an action that name files."""
    action = catalog.get(name)
    return (*action.template_files, *action.project_files) if action is not None else ()


def _names(source: Source) -> set[str]:
    """Name the actions that a file, and what it imports, calls."""
    if source.runbook is None:
        return set()
    steps, talks = source.runbook.steps, source.runbook.communications
    calls = {call.name for step in steps for call in (step.action, step.revert) if call is not None}
    calls |= {call.name for talk in talks for kind in _MESSAGES for call in getattr(talk, kind)}
    return calls.union(*map(_names, source.imported.values()))


def _calls(source: Source) -> Iterator[tuple[Place, ActionCall]]:
    """Give every call of an action in steps and communications, with what gives the places of its parameters."""
    if source.runbook is None:
        return
    given = {name: value.default for name, value in source.runbook.inputs.items()}
    flat = flatten(source, given, read_inputs=None, render=lambda value, _: value)
    for step in flat.steps:
        if step.step.action is not None:
            yield partial(step.place, "params"), step.step.action
        if step.step.revert is not None:
            yield partial(step.place, "revert", "params"), step.step.revert
    for talk in flat.communications:
        for kind in _MESSAGES:
            calls: tuple[ActionCall, ...] = getattr(talk.planned, kind)
            for index, call in enumerate(calls):
                yield partial(talk.place, kind, index), call


def _problems(path: str, is_template: bool, read: ReadFile) -> Iterator[_Problem]:
    try:
        data = read(path)
    except RunbookError as error:
        yield "RB221", error.message, error.hint or "name a file of the project, by its path from the project's root"
        return
    if not is_template:
        return
    try:
        text = data.decode()
    except UnicodeDecodeError:
        yield "RB221", f"the template {path} is not UTF-8 text", "save it as UTF-8"
        return
    for problem in check_syntax(text):
        yield "RB204", f"template {path}: {problem.message}", problem.hint
