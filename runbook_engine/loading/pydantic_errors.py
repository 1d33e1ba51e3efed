"""Turns pydantic's errors into findings in plain language, each at its line and column."""

from collections.abc import Callable, Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runbook_engine.loading.bounded import bounded
from runbook_engine.loading.error_words import TYPE_ERRORS, explain
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.located import Path, SourceMap
from runbook_engine.model.quoting import did_you_mean, quoted
from runbook_engine.model.rules import diagnostic

ToSource = Callable[[Path], Path]


def diagnostics_of(
    error: ValidationError,
    sources: SourceMap,
    prefix: Path = (),
    *,
    model: type[BaseModel] | None = None,
    to_source: ToSource | None = None,
) -> list[Diagnostic]:
    """Explain the errors of a validation, as many as anybody reads.

    Args:
        error: what pydantic raised.
        sources: the file that the data came from.
        prefix: path of the validated data in the file.
        model: the model that was validated, for suggestions of keys.
        to_source: turns a path of the validated data into one of the file, where the two differ.
    """
    groups: dict[tuple[Path, str], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        path = _existing(sources.root, to_source, prefix, details)
        kind = details["type"] if details["type"] in {"missing", "extra_forbidden"} else "value"
        groups.setdefault((path, kind), []).append(details)
    return bounded(_explain_group(path, kind, found, sources, prefix, model) for (path, kind), found in groups.items())


def keys_of(model: type[BaseModel]) -> list[str]:
    """Name the keys that a mapping of this model may have."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _existing(root: object, to_source: ToSource | None, prefix: Path, details: ErrorDetails) -> Path:
    """Give the path in the file; the names of a union's branches, which pydantic puts into its paths, fall off."""
    path = prefix + (to_source(details["loc"]) if to_source else details["loc"])
    if details["type"] == "missing":
        return path
    if path and path[-1] == "[key]":
        path = path[:-1]
    return path[: _reach(root, path)]


def _reach(root: Any, path: Path) -> int:
    """Count how many parts of a path exist."""
    node = root
    for depth, part in enumerate(path):
        if isinstance(node, dict):
            found = part in node
        else:
            found = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if not found:
            return depth
        node = node[part]
    return len(path)


def _explain_group(
    path: Path,
    kind: str,
    found: list[ErrorDetails],
    sources: SourceMap,
    prefix: Path,
    model: type[BaseModel] | None,
) -> Diagnostic:
    """Make one finding of all errors at one place: several are the branches of a union."""
    name = str(path[-1]) if path else ""
    if kind == "missing":
        message = f"the key {quoted(name)} is missing"
        return diagnostic("RB103", sources.at(path[:-1]), message, f"add {name}: …")
    if kind == "extra_forbidden":
        known = _keys_at(model, found[0]["loc"][:-1])
        hint = did_you_mean(name, known) or (f"known keys: {', '.join(sorted(known))}" if known else "")
        place = sources.at(path, key=True)
        return diagnostic("RB102", place, f"unknown key {quoted(name)}", hint)
    in_key = found[0]["loc"][-1:] == ("[key]",)
    # A branch that fails by more than its type is the one that was meant.
    meant = [details for details in found if details["type"] not in TYPE_ERRORS] or found
    sentences = dict.fromkeys(explain(details) for details in meant)
    wants = " or ".join(dict.fromkeys(wanted for wanted, _ in sentences))
    hint = next((hint for _, hint in sentences if hint), "")
    subject = f"the key {quoted(name)}" if in_key else _subject(path, prefix)
    return diagnostic("RB104", sources.at(path, key=in_key), f"{subject} must be {wants}", hint)


def _subject(path: Path, prefix: Path) -> str:
    """Name what is wrong: the key, or the item of a list by its number from 1."""
    if not path or path == prefix:
        return "the file" if not path else f'"{path[-1]}"'
    last = path[-1]
    if isinstance(last, str):
        return quoted(last)
    owner = next((part for part in reversed(path) if isinstance(part, str)), "")
    return f"item {last + 1} of {quoted(owner)}"


def _keys_at(model: type[BaseModel] | None, loc: Path) -> list[str]:
    """Follow a path through the models' fields to the model that refused a key, and name the keys it knows."""
    models = [model] if model else []
    for part in loc:
        if not isinstance(part, str):
            continue
        fields = (candidate.model_fields for candidate in models)
        annotations = [
            field.annotation for known in fields for name, field in known.items() if part in {name, field.alias}
        ]
        # A part that is no field is a key of a dict or the name of a union's branch: the model stays.
        models = list(_models_in(annotations)) if annotations else models
    return [key for candidate in models for key in keys_of(candidate)]


def _models_in(annotations: Iterable[object]) -> Iterable[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            yield from _models_in(get_args(annotation))
