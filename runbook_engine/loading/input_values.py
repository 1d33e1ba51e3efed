"""Checks values of inputs against their definitions, and definitions against themselves."""

import math
import re
from collections.abc import Iterator

from pydantic import ValidationError

from runbook_engine.expressions.errors import TemplateError
from runbook_engine.expressions.regex import find
from runbook_engine.expressions.scope import RESERVED
from runbook_engine.loading.nesting import plain
from runbook_engine.model.diagnostic import Diagnostic
from runbook_engine.model.earlier_run import input_in_short, is_earlier_run
from runbook_engine.model.json import JsonValue
from runbook_engine.model.located import LocatedDict, Path, SourceMap
from runbook_engine.model.names import parse_duration
from runbook_engine.model.quoting import closest, quoted
from runbook_engine.model.rules import diagnostic
from runbook_engine.model.runbook import Input, InputType

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = {
    InputType.STRING: "text",
    InputType.INTEGER: "a whole number",
    InputType.NUMBER: "a number",
    InputType.BOOLEAN: "true or false",
    InputType.LIST: "a list",
    InputType.DURATION: "a duration such as 90s, 15m or 1h30m",
    InputType.RUN: "an earlier run, which --from-run RUN gives",
}


def check_value(definition: Input, value: JsonValue) -> str:
    """Say why a value does not fit an input, to be read behind its name; empty when it fits."""
    shown = quoted(input_in_short(value))
    if not has_type(definition.type, value):
        return f"must be {_WORDS[definition.type]}, not {shown}"
    return check_bounds(definition, value, shown)


def check_bounds(definition: Input, value: JsonValue, shown: str) -> str:
    """Say why a value of the right type does not fit an input's pattern, choices or bounds."""
    items = value if isinstance(value, list | tuple) else [value]
    if definition.choices and not all(item in definition.choices for item in items):
        known = ", ".join(str(choice) for choice in definition.choices)
        near = closest(str(value), [str(choice) for choice in definition.choices])
        return f"must be one of {known}, not {shown}" + (f" (did you mean {quoted(near)}?)" if near else "")
    if definition.pattern is not None:
        try:
            if any(find(str(item), definition.pattern, "fullmatch") is None for item in items):
                return f"must match the pattern {definition.pattern}, and {shown} does not"
        except TemplateError as error:
            return f"can't be matched: {error.message}"
    size = _size(definition.type, value)
    if definition.minimum is not None and size < definition.minimum:
        return f"must be at least {definition.minimum:g}, not {shown}"
    if definition.maximum is not None and size > definition.maximum:
        return f"must be at most {definition.maximum:g}, not {shown}"
    return ""


def has_type(wanted: InputType, value: JsonValue) -> bool:
    """Tell whether a value is of an input's type; true is no number, and a duration is text with a unit."""
    match wanted:
        case InputType.BOOLEAN:
            return isinstance(value, bool)
        case InputType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case InputType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case InputType.LIST:
            return isinstance(value, list | tuple)
        case InputType.RUN:
            return is_earlier_run(value)
        case InputType.STRING | InputType.DURATION:
            return isinstance(value, str) and (wanted is InputType.STRING or _is_duration(value))


def check_definitions(root: LocatedDict, sources: SourceMap) -> Iterator[Diagnostic]:
    """Check the names of inputs and vars, and each input's default, choices, pattern and bounds."""
    inputs, variables = (root.get(key) for key in ("inputs", "vars"))
    known = inputs if isinstance(inputs, dict) else {}
    for name in variables if isinstance(variables, dict) else {}:
        yield from _check_name(name, ("vars", name), sources)
        if name in known:
            message = f"{quoted(name)} is an input as well as a var"
            yield diagnostic("RB112", sources.at(("vars", name), key=True), message, "rename one of them")
    for name, raw in known.items():
        yield from _check_name(name, ("inputs", name), sources)
        try:
            definition = Input.model_validate(plain(raw))
        except ValidationError:
            continue  # the runbook's own validation reports it, with its place
        yield from _check_definition(name, definition, sources)


def _check_definition(name: str, definition: Input, sources: SourceMap) -> Iterator[Diagnostic]:
    here: Path = ("inputs", name)
    if definition.pattern is not None:
        try:
            find("", definition.pattern, "fullmatch")
        except TemplateError as error:
            yield diagnostic("RB111", sources.at((*here, "pattern")), error.message, "see Python's module re")
            return
    if definition.minimum is not None and definition.maximum is not None and definition.minimum > definition.maximum:
        yield diagnostic("RB111", sources.at((*here, "minimum")), "minimum is above maximum", "exchange them")
    element = InputType.STRING if definition.type is InputType.LIST else definition.type
    for index, choice in enumerate(definition.choices):
        if definition.type is not InputType.LIST and not has_type(element, choice):
            message = f"the choice {quoted(choice)} must be {_WORDS[element]}"
            yield diagnostic("RB111", sources.at((*here, "choices", index)), message)
    if definition.default is None:
        return
    problem = check_value(definition, definition.default)
    if problem:
        yield diagnostic("RB111", sources.at((*here, "default")), f"the default of {quoted(name)} {problem}")
    elif definition.required:
        message = f"{quoted(name)} is required, so that its default is never used"
        yield diagnostic("RB113", sources.at((*here, "default")), message, "remove required or default")


def _check_name(name: str, path: Path, sources: SourceMap) -> Iterator[Diagnostic]:
    if not _NAME.fullmatch(name):
        hint = f"write {re.sub('[^A-Za-z0-9_]', '_', name)[:60]}"
        message = f"{quoted(name)} can't be named in a template"
        yield diagnostic("RB112", sources.at(path, key=True), message, hint)
    elif name in RESERVED:
        message = f"templates have {quoted(name)} anyway"
        yield diagnostic("RB112", sources.at(path, key=True), message, "choose another name")


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def _size(kind: InputType, value: JsonValue) -> float:
    """Give what minimum and maximum bound: the number, the seconds of a duration, else the length."""
    if isinstance(value, int | float):
        return float(value)
    if kind is InputType.DURATION:
        return parse_duration(str(value)).total_seconds()
    return float(len(value)) if isinstance(value, str | list | tuple) else 0.0
