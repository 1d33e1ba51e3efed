"""Loads a runbook file and what it imports, and finds everything that is wrong with them at once."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from runbook_engine.loading.bounded import bounded
from runbook_engine.loading.collector import collector_paused
from runbook_engine.loading.diagnostics import in_order
from runbook_engine.loading.draft import draft_of
from runbook_engine.loading.input_values import check_definitions
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.pydantic_errors import diagnostics_of, keys_of
from runbook_engine.loading.step_source import Shaper, file_path
from runbook_engine.loading.yaml_source import YamlResult, read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location, Severity
from runbook_engine.model.located import LocatedDict, SourceMap
from runbook_engine.model.quoting import did_you_mean, quoted
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Runbook

RUNBOOK_KEYS = tuple(key for key in keys_of(Runbook) if key != "files")
_LONGEST_CHAIN = 30


@dataclass(frozen=True)
class LoadedRunbook:
    """A runbook file as it was read.

    Attributes:
        runbook: None when the file itself has errors.
        diagnostics: of the file and all that it imports, sorted by place.
        imported: by the path that the importing step gives.
        files: path in the project and SHA-256 of every file that was read.
        draft: what can be made of a file with errors, for further checks only; the runbook itself when it has none.
    """

    runbook: Runbook | None
    diagnostics: list[Diagnostic]
    sources: SourceMap
    imported: Mapping[str, "LoadedRunbook"] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    draft: Runbook | None = None

    def for_lint(self) -> "LoadedRunbook":
        """Give the file with drafts in the place of what has errors, so that all findings come at once."""
        imported = {name: child.for_lint() for name, child in self.imported.items()}
        return replace(self, runbook=self.runbook or self.draft, imported=imported)

    def place(self, step: int | None, *path: str | int) -> Location:
        """Give the place of a part of a step by the step's index in the file, or (None) of the file.

        The path is the models': `("params", "url")`, `("needs", 0)`, `("action",)`, `("revert", "params", "argv")`.
        """
        whole = path if step is None else ("steps", step, *path)
        is_name = path[-1:] == ("action",) or path[-2:] in {("action", "name"), ("revert", "name"), ("when", "name")}
        return self.sources.at(file_path(self.sources.root, whole), key=is_name)


def load_runbook(path: Path, *, project: Path, limits: Limits, action_names: Sequence[str] = ()) -> LoadedRunbook:
    """Load a runbook; everything that is wrong is in its diagnostics.

    Args:
        path: the runbook's file.
        project: the project's folder, which imports may not leave.
        limits: bounds on each file.
        action_names: every action there is, for suggestions.
    """
    loader = _Loader(Path(os.path.realpath(project)), limits, action_names)
    with collector_paused():
        return loader.load(path, Path(os.path.realpath(path)), chain=(), follow_links=True)


class _Loader:
    """Loads files once each, however often they are imported."""

    def __init__(self, project: Path, limits: Limits, action_names: Sequence[str]) -> None:
        self._project = project
        self._limits = limits
        self._action_names = action_names
        self._loaded: dict[Path, LoadedRunbook] = {}

    def load(self, path: Path, real: Path, *, chain: tuple[Path, ...], follow_links: bool) -> LoadedRunbook:
        shown = self._shown(real) or str(path)
        source = read_yaml_file(path, shown_as=shown, limits=self._limits, follow_links=follow_links)
        root = source.root
        if not isinstance(root, LocatedDict):
            found = source.diagnostics or [_no_mapping(source, shown)]
            loaded = LoadedRunbook(None, in_order(found), source.sources, files={shown: source.sha256})
        else:
            loaded = self._build(root, source, real, shown, chain)
        self._loaded[real] = loaded
        return loaded

    def _build(
        self, root: LocatedDict, source: YamlResult, real: Path, shown: str, chain: tuple[Path, ...]
    ) -> LoadedRunbook:
        own = [*source.diagnostics, *bounded(_check_root(root, source.sources, real))]
        data = _shape(root, source.sources, self._action_names, own)
        runbook: Runbook | None = None
        try:
            runbook = Runbook.model_validate(data)
        except ValidationError as error:
            own += _explained(error, source.sources)
        imported = dict(self._imports(root, source.sources, real, (*chain, real), own))
        files = {shown: source.sha256}
        found = list(own)
        for child in imported.values():
            files.update(child.files)
            found += child.diagnostics
        if runbook is not None:
            valid = not any(item.severity is Severity.ERROR for item in own)
            runbook = runbook.model_copy(update={"files": dict(sorted(files.items()))}) if valid else None
        draft = runbook or draft_of(data)
        return LoadedRunbook(runbook, in_order(found), source.sources, imported, files, draft)

    def _imports(
        self, root: LocatedDict, sources: SourceMap, real: Path, chain: tuple[Path, ...], own: list[Diagnostic]
    ) -> Iterator[tuple[str, LoadedRunbook]]:
        """Load each file that a step imports; those that may not be imported are reported in `own`."""
        steps = root.get("steps")
        for index, step in enumerate(steps if isinstance(steps, list) else []):
            name = step.get("import") if isinstance(step, dict) else None
            if not isinstance(name, str):
                continue
            place = sources.at(("steps", index, "import"))
            target = self._resolve(name, real.parent)
            if isinstance(target, str):
                own.append(diagnostic("RB114", place, target, "name a file of this project, relative to this one"))
            elif target in chain:
                cycle = [self._shown(file) or file.name for file in (*chain[chain.index(target) :], target)]
                own.append(diagnostic("RB115", place, f"the imports form a cycle: {' → '.join(cycle)}"))
            elif len(chain) > _LONGEST_CHAIN:
                own.append(diagnostic("RB115", place, f"the chain of imports is longer than {_LONGEST_CHAIN} files"))
            else:
                known = self._loaded.get(target)
                yield name, known or self.load(target, target, chain=chain, follow_links=False)

    def _resolve(self, name: str, folder: Path) -> Path | str:
        """Follow an import to its file, or say why it may not be read; a refused file is not even opened."""
        if Path(name).is_absolute() or name.startswith("~"):
            return f"the import {quoted(name)} is not a relative path"
        try:
            real = Path(os.path.realpath(folder / name))
            if not real.is_relative_to(self._project):
                return f"the import {quoted(name)} leads out of the project"
            return real if real.is_file() else f"there is no file {quoted(name)}"
        except (OSError, ValueError):
            return f"the import {quoted(name)} is not a path"

    def _shown(self, real: Path) -> str:
        """Name a file relative to the project; empty when it is not in it."""
        return real.relative_to(self._project).as_posix() if real.is_relative_to(self._project) else ""


def _no_mapping(source: YamlResult, shown: str) -> Diagnostic:
    what = "is empty" if source.root is None else "holds no mapping on its outermost level"
    return diagnostic("RB101", Location(file=shown, line=1, column=1), f"the file {what}", "begin with runbook: name")


def _check_root(root: LocatedDict, sources: SourceMap, real: Path) -> Iterator[Diagnostic]:
    """Check what the models can't see: the file's name, keys of the outermost level, and steps among each other."""
    for key in root:
        if key not in RUNBOOK_KEYS:
            message, hint = f"unknown key {quoted(key)}", did_you_mean(key, RUNBOOK_KEYS)
            yield diagnostic("RB102", sources.at((key,), key=True), message, hint)
    name = root.get("runbook")
    if isinstance(name, str) and name != real.stem:
        hint = f"write runbook: {real.stem}, or rename the file to {quoted(name)[1:-1]}{real.suffix}"
        yield diagnostic("RB105", sources.at(("runbook",)), f"{quoted(name)} is not the file's name", hint)
    yield from _check_ids(root, sources)
    yield from check_definitions(root, sources)


def _check_ids(root: LocatedDict, sources: SourceMap) -> Iterator[Diagnostic]:
    steps = root.get("steps")
    first: dict[str, int] = {}
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        name = step.get("id") if isinstance(step, dict) else None
        if not isinstance(name, str):
            continue
        if first.setdefault(name, index) != index:
            line = sources.at(("steps", first[name], "id")).line
            message = f"the step id {quoted(name)} stands in line {line} already"
            yield diagnostic("RB106", sources.at(("steps", index, "id")), message, "give each step an id of its own")
        if "/" in name:
            hint = "the engine itself puts a / between an import's id and its steps'"
            yield diagnostic(
                "RB104", sources.at(("steps", index, "id")), f"the step id {quoted(name)} may not hold a /", hint
            )
        needs = step.get("needs")
        own = (name, f"{name}@target")
        for number, need in enumerate(needs if isinstance(needs, list) else []):
            if need in own:
                where = sources.at(("steps", index, "needs", number))
                yield diagnostic("RB107", where, f"the step {quoted(name)} needs itself", "remove it from needs")


def _shape(
    root: LocatedDict, sources: SourceMap, action_names: Sequence[str], found: list[Diagnostic]
) -> dict[str, object]:
    """Give the file's contents in the shape of the model, without what was reported as unknown."""
    shaper = Shaper(sources, action_names)
    shapes = {"steps": shaper.step, "communications": shaper.communication, "triggers": shaper.trigger}
    data: dict[str, object] = {}
    for key, value in root.items():
        if key in shapes and isinstance(value, list):
            data[key] = [shapes[key](item, (key, index)) for index, item in enumerate(value)]
        elif key in RUNBOOK_KEYS:
            data[key] = plain(value)
    found += bounded(shaper.diagnostics)
    return data


def _explained(error: ValidationError, sources: SourceMap) -> list[Diagnostic]:
    """Explain what the model refuses; an error that only follows from others is left out."""
    found = diagnostics_of(error, sources, model=Runbook, to_source=lambda path: file_path(sources.root, path))
    steps = sources.root.get("steps") if isinstance(sources.root, dict) else None
    if not steps:
        return found
    whole = sources.at(("steps",))
    return [item for item in found if item.location != whole or "entries" not in item.message]
