"""Splices imported runbooks in, so that there is one list of steps and one graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.errors import RunbookError
from runbook_engine.model.json import JsonObject
from runbook_engine.model.plan import PlannedCommunication, ScopeValues
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Communication, Input, Need, Runbook, Step


class Source(Protocol):
    """A loaded runbook file, its imports by the file name that the step gives, and the places of its parts."""

    @property
    def runbook(self) -> Runbook | None:
        """The runbook, None when the file is not valid."""
        ...

    @property
    def imported(self) -> Mapping[str, "Source"]:
        """Imported files by the name that the importing step gives."""
        ...

    def place(self, step: int | None, *path: str | int) -> Location:
        """Give the place of a part of a step (by the step's index in the file), or of the file."""
        ...


class ReadInputs(Protocol):
    """Types and checks the inputs given to an import."""

    def __call__(self, inputs: Mapping[str, Input], given: JsonObject) -> tuple[JsonObject, list[str]]:
        """Give the complete values, and what is wrong with those given."""
        ...


@dataclass(frozen=True, slots=True)
class FlatStep:
    """A step with its id and edges in the plan's words, and where it was written."""

    step: Step
    needs: tuple[Need, ...]
    scope: int
    source: Source
    index: int

    def place(self, *path: str | int) -> Location:
        """Give the place of a part of the step."""
        return self.source.place(self.index, *path)


@dataclass(frozen=True, slots=True)
class FlatCommunication:
    """A communication in the plan's words, and where it was written."""

    planned: PlannedCommunication
    source: Source
    index: int

    def place(self, *path: str | int) -> Location:
        """Give the place of a part of it."""
        return self.source.place(None, "communications", self.index, *path)


@dataclass(slots=True)
class Flat:
    """All steps of a runbook and its imports, in the order they are written, and all that is told of them."""

    steps: list[FlatStep]
    scopes: list[ScopeValues]
    diagnostics: list[Diagnostic]
    communications: list[FlatCommunication] = field(default_factory=list)


def flatten(source: Source, inputs: JsonObject, *, read_inputs: ReadInputs | None, render: "RenderInputs") -> Flat:
    """Splice a runbook's imports in.

    Args:
        inputs: complete inputs of the runbook itself.
        read_inputs: completes the inputs of an import; None takes them as they are (when nothing is to be run).
        render: renders what an import step gives as inputs, with the importing file's names.
    """
    flat = Flat([], [], [])
    _add(flat, source, inputs, prefix="", read_inputs=read_inputs, render=render)
    return flat


class RenderInputs(Protocol):
    """Renders an import's inputs at plan time."""

    def __call__(self, value: JsonObject, scope: ScopeValues) -> JsonObject:
        """Give the values; raises `RunbookError` for what is not known at plan time."""
        ...


def _add(
    flat: Flat,
    source: Source,
    inputs: JsonObject,
    *,
    prefix: str,
    read_inputs: ReadInputs | None,
    render: RenderInputs,
) -> list[str]:
    """Add a file's steps; give the ids of those that nothing in the file waits for."""
    runbook = source.runbook
    if runbook is None:
        return []
    scope = len(flat.scopes)
    values = ScopeValues(prefix=prefix, inputs=inputs, vars=runbook.vars)
    flat.scopes.append(values)
    for index, talk in enumerate(runbook.communications):
        flat.communications.append(FlatCommunication(_planned(talk, prefix, scope), source, index))
    ends: dict[str, list[str]] = {}
    own: list[tuple[int, Step]] = list(enumerate(runbook.steps))
    imports = {step.id for _, step in own if step.imported is not None}
    if not imports and not prefix:
        # Most files: its words are the plan's, and nobody asks what nothing in it waits for.
        flat.steps += [FlatStep(step, step.needs, scope, source, index) for index, step in own]
        return []
    pending: list[tuple[int, int, Step]] = []
    for index, step in own:
        if step.imported is None:
            pending.append((len(flat.steps), index, step))
            flat.steps.append(FlatStep(step, (), scope, source, index))
            continue
        child = source.imported.get(step.imported.file)
        if child is None or child.runbook is None:
            ends[step.id] = []
            continue
        begin = len(flat.steps)
        given = _import_inputs(flat, source, index, step, values, child.runbook, read_inputs, render)
        inside = f"{prefix}{step.id}/"
        ends[step.id] = _add(flat, child, given, prefix=inside, read_inputs=read_inputs, render=render)
        pending.append((begin, index, step))
    _join(flat, pending, prefix=prefix, ends=ends, imports=imports)
    needed = {need.step for _, step in own for need in step.needs}
    last = [step.id for _, step in own if step.id not in needed]
    return [end for name in last for end in (ends[name] if name in imports else [prefix + name])]


def _planned(talk: Communication, prefix: str, scope: int) -> PlannedCommunication:
    return PlannedCommunication(
        name=prefix + talk.audience,
        audience=talk.audience,
        every=talk.every.total_seconds(),
        begins=prefix + talk.begins,
        until=prefix + talk.until,
        scope=scope,
        first=talk.first,
        update=talk.update,
        resolved=talk.resolved,
    )


def _join(
    flat: Flat,
    pending: list[tuple[int, int, Step]],
    *,
    prefix: str,
    ends: dict[str, list[str]],
    imports: set[str],
) -> None:
    """Write the file's edges in the plan's words; what an import step needs, the import's first steps need."""
    for position, _index, step in pending:
        needs: list[Need] = []
        for need in step.needs:
            if need.step in imports:
                needs += [Need(step=end) for end in ends[need.step]]
            else:
                needs.append(need if not prefix else Need(step=prefix + need.step, per_target=need.per_target))
        if step.imported is None:
            old = flat.steps[position]
            renamed = step if not prefix else step.model_copy(update={"id": prefix + step.id})
            flat.steps[position] = FlatStep(renamed, tuple(needs), old.scope, old.source, old.index)
            continue
        inside = f"{prefix}{step.id}/"
        for offset in range(position, len(flat.steps)):
            inner = flat.steps[offset]
            if not inner.step.id.startswith(inside):
                break
            if not inner.needs:
                flat.steps[offset] = FlatStep(inner.step, tuple(needs), inner.scope, inner.source, inner.index)


def _import_inputs(
    flat: Flat,
    source: Source,
    index: int,
    step: Step,
    values: ScopeValues,
    child: Runbook,
    read_inputs: ReadInputs | None,
    render: RenderInputs,
) -> JsonObject:
    """Render and complete the inputs that an import step gives."""
    written = step.imported.inputs if step.imported else {}
    if read_inputs is None:
        return {**{name: value.default for name, value in child.inputs.items()}, **written}
    place = source.place(index, "inputs")
    try:
        given, problems = read_inputs(child.inputs, render(written, values))
    except RunbookError as error:
        flat.diagnostics.append(diagnostic("RB216", place, error.message, error.hint))
        return {}
    flat.diagnostics += [diagnostic("RB216", place, problem) for problem in problems]
    return given
