"""The use case `actions`: what steps can use, with parameters, outputs and an example."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, TypeAdapter

from runbook_engine.model.errors import UsageError
from runbook_engine.model.json import JsonObject, JsonValue
from runbook_engine.model.names import Duration, format_duration
from runbook_engine.model.quoting import did_you_mean
from runbook_engine.ports.action import (
    Action,
    Gate,
    Params,
)
from runbook_engine.ports.catalog import Catalog

_DURATION: JsonObject = TypeAdapter(Duration).json_schema()
_ISO_DURATION = TypeAdapter(timedelta)


@dataclass(frozen=True, slots=True)
class ParameterView:
    """One parameter or output: its type in words, whether it must be given, and what it means.

    Attributes:
        name: for a field of a mapping with the way to it: `smtp.host`, `records[].values` (of each item of a list),
            `tables.*.rows` (of each value, whatever its key).
        required: of a field of a mapping: where that mapping is given.
    """

    name: str
    type: str
    required: bool
    default: JsonValue
    description: str


@dataclass(frozen=True, slots=True)
class ActionView:
    """An action as people and programs are shown it.

    Attributes:
        kind: `change` (it has an apply), `verify` (it only checks) or `gate` (it is waited for).
    """

    name: str
    summary: str
    description: str
    kind: str
    params: tuple[ParameterView, ...]
    outputs: tuple[ParameterView, ...]
    reversible: bool
    reverts: bool
    effect: str
    aws_reads: tuple[str, ...]
    aws_writes: tuple[str, ...]
    aws_permissions: tuple[str, ...]
    duration: str
    tested: tuple[str, ...]
    origin: str
    version: str
    example: str


def list_actions(catalog: Catalog) -> list[ActionView]:
    """Describe every action, by name."""
    return [describe_action(catalog, name) for name in catalog.names()]


def describe_action(catalog: Catalog, name: str) -> ActionView:
    """Describe one action.

    Raises:
        UsageError: there is none of that name.
    """
    action = catalog.get(name)
    if action is None:
        hint = did_you_mean(name, catalog.names())
        raise UsageError(f"there is no action {name!r}", hint=hint or "`runbook actions` lists them")
    entry = catalog.entry(name)
    lines = (type(action).__doc__ or "").strip().splitlines()
    return ActionView(
        name=name,
        summary=entry.summary,
        description="\n".join(line.strip() for line in lines[1:]).strip(),
        kind=_kind(action),
        params=_fields(action.Params),
        outputs=_fields(action.Outputs),
        reversible=action.reversible,
        reverts=hasattr(action, "revert"),
        effect=action.effect.value,
        aws_reads=action.aws_reads,
        aws_writes=action.aws_writes,
        aws_permissions=action.aws_permissions,
        duration=action.duration,
        tested=action.tested,
        origin=entry.origin,
        version=entry.version,
        example=action.example,
    )


def _kind(action: Action[Params]) -> str:
    if isinstance(action, Gate):
        return "gate"
    return "change" if hasattr(action, "apply") else "verify"


def _fields(model: type[BaseModel]) -> tuple[ParameterView, ...]:
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return tuple(_of_mapping(schema, schema.get("$defs", {}), ""))


def _of_mapping(
    schema: Mapping[str, JsonValue], definitions: Mapping[str, JsonObject], path: str
) -> Iterator[ParameterView]:
    """Give the fields of a mapping, each followed by its own."""
    required, properties = schema.get("required"), schema.get("properties")
    for name, field in (properties if isinstance(properties, Mapping) else {}).items():
        if not isinstance(field, Mapping):
            continue
        yield ParameterView(
            name=f"{path}{name}",
            type=type_in_words(dict(field), definitions),
            required=isinstance(required, list) and name in required,
            default=_default(field),
            description=_described(field),
        )
        yield from _within(field, definitions, f"{path}{name}")


def _within(field: JsonValue, definitions: Mapping[str, JsonObject], path: str) -> Iterator[ParameterView]:
    """Give the fields of the mappings that a field holds, in a list or in a mapping by any key too."""
    if not isinstance(field, Mapping):
        return
    reference = str(field.get("$ref", "")).rpartition("/")[2]
    if reference:
        # A type that contains itself is followed once.
        others = {key: value for key, value in definitions.items() if key != reference}
        inner = definitions.get(reference, {})
        yield from _of_mapping(inner, others, f"{path}.") if "properties" in inner else _within(inner, others, path)
    for key in ("anyOf", "oneOf"):
        either = field.get(key)
        for part in either if isinstance(either, list) else ():
            yield from _within(part, definitions, path)
    yield from _within(field.get("items"), definitions, f"{path}[]")
    yield from _within(_values(field), definitions, f"{path}.*")


def _values(field: Mapping[str, JsonValue]) -> JsonValue:
    """Give the type of a mapping's values, where its keys are free (or only their spelling is fixed)."""
    by_pattern = field.get("patternProperties")
    if isinstance(by_pattern, Mapping) and by_pattern:
        return next(iter(by_pattern.values()))
    return field.get("additionalProperties")


def _default(field: Mapping[str, JsonValue]) -> JsonValue:
    """Give the default as a runbook would write it; the schema writes durations as ISO 8601 does."""
    default = field.get("default")
    if isinstance(default, str) and any(_is_duration(part) for part in _alternatives(field)):
        return format_duration(_ISO_DURATION.validate_python(default))
    return default


def _alternatives(field: Mapping[str, JsonValue]) -> list[Mapping[str, JsonValue]]:
    either = field.get("anyOf")
    return [field, *(part for part in (either if isinstance(either, list) else ()) if isinstance(part, Mapping))]


def _is_duration(field: Mapping[str, JsonValue]) -> bool:
    return field.get("pattern") == _DURATION["pattern"]


def _described(field: Mapping[str, JsonValue]) -> str:
    return " ".join(str(field.get("description", "")).split())


def type_in_words(field: JsonObject, definitions: Mapping[str, JsonObject]) -> str:
    """Say a JSON Schema type in a few words: `list of text`, `number or null`, `"a" | "b"`, `duration`."""
    if (reference := field.get("$ref")) is not None:
        name = str(reference).rpartition("/")[2]
        # A type that contains itself is followed once; JSON within JSON is anything.
        others = {key: value for key, value in definitions.items() if key != name}
        return "anything" if name.endswith("JsonValue") else type_in_words(definitions.get(name, {}), others)
    if "properties" in field:
        return "mapping"
    choices = field.get("enum", [field["const"]] if "const" in field else None)
    if isinstance(choices, Sequence) and not isinstance(choices, str):
        return " | ".join(str(choice) for choice in choices)
    either = field.get("anyOf", field.get("oneOf"))
    if isinstance(either, Sequence) and not isinstance(either, str):
        words = [type_in_words(part, definitions) for part in either if isinstance(part, Mapping)]
        return " or ".join(dict.fromkeys(words))
    return _plain_type(field, definitions)


def _plain_type(field: JsonObject, definitions: Mapping[str, JsonObject]) -> str:
    kind = field.get("type")
    if kind == "array":
        items = field.get("items")
        return f"list of {type_in_words(items, definitions)}" if isinstance(items, Mapping) else "list"
    if kind == "object":
        values = _values(field)
        return f"mapping of {type_in_words(values, definitions)}" if isinstance(values, Mapping) else "mapping"
    if kind == "string":
        return "duration" if _is_duration(field) else str(field.get("format", "text"))
    words = {"integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
    return words.get(str(kind), "anything")
