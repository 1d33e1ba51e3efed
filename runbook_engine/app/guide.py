"""The use case `guide`: a runbook as steps that a person can do by hand, made from the file alone, without secrets."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runbook_engine.app.guide_words import BY_HAND, bare, command, condition, shown
from runbook_engine.app.project import OpenProject
from runbook_engine.app.project_file import read_project_file
from runbook_engine.app.secret_findings import written_references
from runbook_engine.expressions.references import names_used, references_in, secret_references
from runbook_engine.loading.runbook import load_runbook
from runbook_engine.model.between import replaced
from runbook_engine.model.errors import InvalidInputError, RunbookError
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.runbook import ActionCall, OnFailure, Runbook, Step
from runbook_engine.planning.flatten import Source
from runbook_engine.ports.catalog import Catalog
from runbook_engine.reporting.guide import Fact, Guide, GuideStep

_HANDY = frozenset({"argv", "shell", "unless", "only_if", "creates", "removes", "instructions", "message"})
_FROM_FILES = frozenset({"file.copy", "file.template", "script.run"})
# Names that the engine gives, or that mean the loop's own item.
_OWN = frozenset({"groups", "hostvars", "item", "loop", "result", "run", "steps", "target", "range", "secret"})


def make_guide(project: OpenProject, name: str) -> Guide:
    """Make the guide of a runbook and what it imports.

    Raises:
        InvalidInputError: there is no such runbook, or it is not valid.
    """
    path = project.runbook_path(name)
    loaded = load_runbook(
        path, project=project.root, limits=project.config.limits, action_names=tuple(project.catalog.names())
    )
    source: Source = loaded.for_lint()
    runbook = source.runbook
    if runbook is None:
        raise InvalidInputError(f"{name} is not valid", hint=f"`runbook validate {name}` shows why")
    owner = project.team.roles.get(runbook.owner or "")
    return Guide(
        name=runbook.name,
        title=runbook.title or runbook.name,
        description=runbook.description,
        owner=f"{runbook.owner} ({owner.description})" if owner and owner.description else runbook.owner or "",
        policy=tuple(runbook.policy),
        inputs=tuple(_inputs(runbook)),
        variables=tuple(sorted(_variables(source, project.root))),
        secrets=tuple(dict.fromkeys(_secrets(source, project.root))),
        owed=tuple(_owed(runbook)),
        steps=tuple(_steps(source, _Tools(project.catalog, project.root), "")),
    )


def _inputs(runbook: Runbook) -> Iterator[Fact]:
    for name, value in runbook.inputs.items():
        choices = f" One of: {', '.join(map(str, value.choices))}." if value.choices else ""
        default = "required" if value.required else f"default: {_plain(value.default)}"
        yield Fact(name, f"{value.description or value.type.value} ({default}).{choices}")


def _owed(runbook: Runbook) -> Iterator[str]:
    """Say who is owed messages; what they are told is in the runbook's own words, which may depend on the run."""
    for owed in runbook.communications:
        minutes = round(owed.every.total_seconds() / 60)
        ways = dict.fromkeys(call.name for call in (*owed.first, *owed.update, *owed.resolved))
        span = f"from when step {owed.begins} ended until step {owed.until} did"
        yield f"Tell the audience {owed.audience}, {span}, at least every {minutes} minutes ({', '.join(ways)})."


def _variables(source: Source, root: Path) -> set[str]:
    """Name what the inventory has to say: what templates use, and neither the file nor the engine gives."""
    runbook = source.runbook
    if runbook is None:
        return set()
    used = set(names_used(runbook.vars))
    for step in runbook.steps:
        used |= names_used(step.name or "") | names_used(dict(step.environment))
        used |= names_used(step.when, bare=True) if isinstance(step.when, str) else set()
        for call in (step.action, step.revert):
            used |= (names_used(call.params) | names_used(_template(call, root))) if call is not None else set()
    found = used - runbook.inputs.keys() - runbook.vars.keys() - _OWN
    return found.union(*(_variables(child, root) for child in source.imported.values()))


def _secrets(source: Source, root: Path) -> Iterator[str]:
    """Give the references of secrets that stand in so many words, in the file and in the templates that it fills in."""
    yield from (reference for reference, _ in written_references(source))
    for step in source.runbook.steps if source.runbook else ():
        if step.action is not None:
            yield from secret_references(_template(step.action, root))
    for child in source.imported.values():
        yield from _secrets(child, root)


def _template(call: ActionCall, root: Path) -> str:
    """Give the text of the project's file that a step fills in; nothing where it copies one."""
    return _file(call, root) if call.name == "file.template" else ""


class _Tools(NamedTuple):
    catalog: Catalog
    root: Path


def _steps(source: Source, tools: _Tools, prefix: str) -> Iterator[GuideStep]:
    runbook = source.runbook
    if runbook is None:
        return
    waits = {step.id: _waits(step, runbook) for step in runbook.steps}
    for step in _in_order(runbook.steps, waits):
        if step.imported is not None:
            child = source.imported.get(step.imported.file)
            if child is not None:
                yield from _steps(child, tools, f"{prefix}{step.id}/")
        elif step.action is not None:
            yield _step(step, step.action, tools, prefix, waits[step.id], runbook.vars)


def _waits(step: Step, runbook: Runbook) -> tuple[str, ...]:
    """Give what a step waits for: what it says, and the steps whose outcomes it uses."""
    params = dict(step.action.params) if step.action is not None else {}
    used = references_in({**params, "environment": dict(step.environment)}, runbook.vars)
    if isinstance(step.when, str):
        used |= references_in(step.when, runbook.vars, bare=True)
    return tuple(dict.fromkeys([*(need.step for need in step.needs), *sorted(used - {step.id})]))


def _in_order(steps: tuple[Step, ...], waits: Mapping[str, tuple[str, ...]]) -> list[Step]:
    """Give the steps so that each stands after what it waits for; the others stand as written."""
    left, order, done = list(steps), list[Step](), set[str]()
    known = {step.id for step in steps}
    while left:
        ready = next((step for step in left if all(n in done or n not in known for n in waits[step.id])), left[0])
        left.remove(ready)
        order.append(ready)
        done.add(ready.id)
    return order


def _step(
    step: Step, call: ActionCall, tools: _Tools, prefix: str, waits: Sequence[str], variables: JsonObject
) -> GuideStep:
    action = tools.catalog.get(call.name)
    summary = ((action.__doc__ or "") if action is not None else "").strip().partition("\n")[0]
    # The file's own vars are put in, so that a command can be read and typed as it stands.
    params = {name: _filled(value, variables) for name, value in call.params.items()}
    by_hand = BY_HAND.get(call.name)
    notes = [_in_batches(step)] if step.batch else []
    if isinstance(step.when, str):
        notes.append(condition(step.when))
    if step.on_failure is OnFailure.CONTINUE:
        notes.append("If it fails, go on.")
    elif step.on_failure is OnFailure.HOLD:
        notes.append("If it fails, decide: try again, leave it out, or stop.")
    elif step.retry.attempts > 1:
        notes.append(f"Try it up to {step.retry.attempts} times before you call it failed.")
    return GuideStep(
        id=f"{prefix}{step.id}",
        name=shown(step.name or step.id),
        where="" if step.targets == "localhost" else step.targets,
        action=call.name,
        summary=summary,
        unless=command(params.get("unless")),
        only_if=command(params.get("only_if")),
        command=by_hand(params) if by_hand else command(params.get("shell") or params.get("argv")),
        instructions=_text(params.get("instructions")) or _text(params.get("message")),
        facts=tuple(Fact(name, _text(value)) for name, value in params.items() if name not in _HANDY and not by_hand),
        content=_content(call, tools.root),
        after=tuple(prefix + name for name in waits),
        notes=tuple(notes),
        revert=f"{step.revert.name}: {_text(step.revert.params)}" if step.revert is not None else "",
    )


def _in_batches(step: Step) -> str:
    """Say which hosts come first."""
    sizes = [
        str(size) if isinstance(size, str) else f"{size} {'host' if size == 1 else 'hosts'}" for size in step.batch
    ]
    return f"Not on all hosts at once: on {', then on '.join(sizes)}, each time after the ones before went well."


def _content(call: ActionCall, root: Path) -> str:
    """Give what stands in the file that a step makes: a copied one to the letter, one that is filled in in words."""
    text = _file(call, root)
    return shown(text) if call.name == "file.template" else text


def _file(call: ActionCall, root: Path) -> str:
    """Give the text of the project's file that a step copies or fills in."""
    path = call.params.get("src")
    if call.name not in _FROM_FILES or not isinstance(path, str) or "{{" in path:
        return ""
    try:
        return read_project_file(root, path).decode()
    except (RunbookError, UnicodeDecodeError):
        return ""  # `runbook validate` and the step itself say what is wrong with it


def _filled(value: JsonValue, variables: JsonObject) -> JsonValue:
    if isinstance(value, str):
        return replaced(value, "{{", "}}", lambda inner: _own(inner, variables))
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables) for item in value]
    return value


def _own(inner: str, variables: JsonObject) -> str:
    own = variables.get(bare(inner))
    return own if isinstance(own, str) else f"{{{{{inner}}}}}"


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(shown(str(item)) for item in value)
    return shown(_plain(value))


def _plain(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return "none" if value is None else str(value) or "nothing"
