"""Reads the inputs that an operator gives (`-e name=value`, `-e @file`) and completes them with the defaults."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_engine.loading.bounded import bounded
from runbook_engine.loading.folder import is_there
from runbook_engine.loading.input_values import check_value
from runbook_engine.loading.limited_file import read_limited
from runbook_engine.loading.nesting import plain
from runbook_engine.loading.yaml_source import read_yaml, read_yaml_file
from runbook_engine.model.config import Limits
from runbook_engine.model.diagnostic import Diagnostic, Location
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.located import SourceMap
from runbook_engine.model.quoting import did_you_mean, quoted
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Input, InputType, Runbook

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]{1,3})?")
_FROM_RUN = Location(file="--from-run")
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class _Given:
    """A value and where it was given; text of the command line is still to be converted to the input's type."""

    value: JsonValue
    place: Location
    is_text: bool


def read_inputs(
    runbook: Runbook, given: Sequence[str], *, project: Path, limits: Limits, from_run: JsonObject | None = None
) -> tuple[JsonObject, list[Diagnostic]]:
    """Read what was given, in order (a later value wins), and complete it.

    Args:
        runbook: declares the inputs.
        given: `name=value`, or `@file` with a mapping in YAML or JSON; a file is looked up in the current folder,
            then in the project.
        project: the project's folder.
        limits: bounds on each file.
        from_run: what is known of an earlier run; it becomes the input of type `run`.
    """
    values: dict[str, _Given] = {}
    found: list[Diagnostic] = []
    for item in given:
        if item.startswith("@"):
            values.update(_from_file(item[1:], project, limits, found))
            continue
        name, equals, text = item.partition("=")
        if not equals or not name.strip():
            message = f"{quoted(item)} gives no input"
            found.append(diagnostic("RB120", Location(file="-e"), message, "write -e name=value or -e @file.yml"))
            continue
        values[name.strip()] = _Given(text, Location(file=f"-e {name.strip()}"), is_text=True)
    if from_run is not None:
        takes = [name for name, definition in runbook.inputs.items() if definition.type is InputType.RUN]
        values.update({name: _Given(from_run, _FROM_RUN, is_text=False) for name in takes})
        if not takes:
            message = f"{runbook.name} goes by no run of another runbook: it has no input of type run"
            found.append(diagnostic("RB120", _FROM_RUN, message, f"run {from_run['id']} is of {from_run['runbook']}"))
    complete = _complete(runbook.inputs, values, limits, found)
    return complete, found


def complete_inputs(inputs: Mapping[str, Input], given: JsonObject) -> tuple[JsonObject, list[str]]:
    """Type, check and complete the inputs that an import step gives; the second part says what is wrong.

    Text is converted where the input is of another type, because a template may have made it.
    """
    found: list[Diagnostic] = []
    place = Location(file="inputs")
    values = {
        name: _Given(value, place, is_text=isinstance(value, str) and _type(inputs, name) is not InputType.STRING)
        for name, value in given.items()
    }
    complete = _complete(inputs, values, Limits(), found)
    return complete, [f"{item.message} ({item.hint})" if item.hint else item.message for item in found]


def convert_text(definition: Input, text: str, limits: Limits) -> JsonValue:
    """Convert text of the command line to an input's type; text that does not convert is given back as it is."""
    converters: dict[InputType, Callable[[str], JsonValue]] = {
        InputType.INTEGER: lambda word: int(word) if _INTEGER.fullmatch(word) else text,
        InputType.NUMBER: _number,
        InputType.BOOLEAN: lambda word: _BOOLEANS.get(word.lower(), text),
        InputType.LIST: lambda word: _list(word, limits),
    }
    convert = converters.get(definition.type)
    return convert(text.strip()) if convert else text


def _complete(
    inputs: Mapping[str, Input], values: Mapping[str, _Given], limits: Limits, found: list[Diagnostic]
) -> JsonObject:
    """Give every declared input its value; whatever does not fit is reported."""
    found += bounded(_unknown(inputs, values))
    complete: dict[str, JsonValue] = {}
    for name, definition in inputs.items():
        given = values.get(name)
        if given is None:
            complete[name] = definition.default
            if definition.required:
                how = "--from-run RUN" if definition.type is InputType.RUN else f"-e {name}=…"
                hint = f"give it with {how}" + (f" ({definition.description})" if definition.description else "")
                place = Location(file="inputs")
                found.append(diagnostic("RB120", place, f"the input {quoted(name)} is required", hint))
            continue
        value = convert_text(definition, str(given.value), limits) if given.is_text else given.value
        problem = check_value(definition, value)
        if problem:
            found.append(diagnostic("RB120", given.place, f"{quoted(name)} {problem}", definition.description))
        complete[name] = value
    return complete


def _unknown(inputs: Mapping[str, Input], values: Mapping[str, _Given]) -> Iterator[Diagnostic]:
    for name, unknown in values.items():
        if name not in inputs:
            hint = did_you_mean(name, inputs) or f"inputs: {', '.join(inputs) or 'none'}"
            yield diagnostic("RB120", unknown.place, f"the runbook has no input {quoted(name)}", hint)


def _from_file(name: str, project: Path, limits: Limits, found: list[Diagnostic]) -> dict[str, _Given]:
    path = Path(name)
    if not path.is_absolute() and not is_there(path):
        path = project / name
    root, sources = _read(path, name, limits, found)
    if not isinstance(root, dict):
        if not any(item.location.file == name for item in found):
            hint = "write lines of name: value"
            found.append(diagnostic("RB101", Location(file=name), "the file holds no mapping", hint))
        return {}
    return {key: _Given(_json(value), sources.at((key,)), is_text=False) for key, value in root.items()}


def _read(path: Path, name: str, limits: Limits, found: list[Diagnostic]) -> tuple[object, SourceMap]:
    """Read YAML, or JSON when the file is called so (JSON may be indented with tabs, YAML may not)."""
    if path.suffix != ".json":
        result = read_yaml_file(path, shown_as=name, limits=limits)
        found.extend(result.diagnostics)
        return result.root, result.sources
    data = read_limited(path, shown_as=name, limits=limits)
    if isinstance(data, Diagnostic):
        found.append(data)
        return None, SourceMap(name)
    try:
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant), SourceMap(name)
    except json.JSONDecodeError as error:
        place = Location(file=name, line=error.lineno, column=error.colno)
        found.append(diagnostic("RB005", place, f"the file is not JSON: {error.msg}"))
    except UnicodeDecodeError:
        found.append(diagnostic("RB003", Location(file=name), "the file is not UTF-8", "save it as UTF-8"))
    except RecursionError:
        found.append(diagnostic("RB007", Location(file=name), "lists and objects are nested too deep"))
    except ValueError as error:
        found.append(diagnostic("RB005", Location(file=name), f"the file is not JSON: {error}"))
    return None, SourceMap(name)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(repeated)} stands twice in an object")
    return values


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number of JSON")


def _json(value: object) -> JsonValue:
    """Give located data as plain JSON."""
    made: JsonValue = plain(value)  # type: ignore[assignment] # the reader makes JSON's types only
    return made


def _type(inputs: Mapping[str, Input], name: str) -> InputType:
    return inputs[name].type if name in inputs else InputType.STRING


def _number(text: str) -> JsonValue:
    if _INTEGER.fullmatch(text):
        return int(text)
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else text


def _list(text: str, limits: Limits) -> JsonValue:
    """Read `[a, b]` as YAML or JSON, anything else as items between commas."""
    if not text.startswith("["):
        return [part.strip() for part in text.split(",")] if text else []
    result = read_yaml(text, file="-e", limits=limits, warn_ambiguous=False)
    return text if result.diagnostics else _json(result.root)
