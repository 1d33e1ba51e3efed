"""Makes the JSON Schema of a runbook file as users write it, from the models and the actions' parameters."""

from collections.abc import Mapping
from typing import Any

from runbook_engine.loading.schema_help import (
    COMMUNICATION_HELP,
    INPUT_HELP,
    PART_HELP,
    RUNBOOK_HELP,
    STEP_HELP,
    TRIGGER_HELP,
)
from runbook_engine.model.json import JsonObject
from runbook_engine.model.names import RUNBOOK_NAME
from runbook_engine.model.runbook import Runbook
from runbook_engine.ports.action import Params

# JSON Schema has no better type in Python than this.
Schema = dict[str, Any]

_NAME_SOURCE = "[a-z][a-z0-9-]*"
_TEMPLATE: Schema = {"$ref": "#/$defs/template"}
_CALL: Schema = {"$ref": "#/$defs/ActionCall"}


def runbook_schema(actions: Mapping[str, type[Params]], defaults: Mapping[str, JsonObject] | None = None) -> Schema:
    """Give the schema (2020-12) of a runbook file.

    Args:
        actions: parameters of every action by the action's name.
        defaults: parameters that the project's configuration gives, by action; they need not be written.
    """
    schema: Schema = Runbook.model_json_schema(by_alias=True)
    definitions: Schema = schema.pop("$defs")
    for unwritten in ("Need", "ImportCall"):
        definitions.pop(unwritten, None)
    properties: Schema = schema["properties"]
    properties.pop("files")
    _describe(properties, RUNBOOK_HELP)
    properties["inputs"]["propertyNames"] = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
    _describe(definitions["Input"]["properties"], INPUT_HELP)
    _describe(definitions["Communication"]["properties"], COMMUNICATION_HELP)
    _describe(definitions["Trigger"]["properties"], TRIGGER_HELP)
    for part, texts in PART_HELP.items():
        _describe(definitions[part]["properties"], texts)
    definitions["template"] = {
        "type": "string",
        "pattern": r"\{\{|\{%",
        "description": "An expression: {{ name }}",
    }
    for name, params in sorted(actions.items()):
        definitions.update(_action_definitions(name, params, set((defaults or {}).get(name, ()))))
    definitions["Step"] = _step(definitions["Step"], actions)
    definitions["ActionCall"] = {
        "type": "object",
        "description": "One action with its parameters.",
        "minProperties": 1,
        "maxProperties": 1,
        **_action_properties(actions),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Runbook",
        "$defs": definitions,
    }


def _step(step: Schema, actions: Mapping[str, type[Params]]) -> Schema:
    """Give the schema of a step as it is written: the action's name is a key."""
    properties: Schema = step["properties"]
    for unwritten in ("action", "imported"):
        properties.pop(unwritten)
    amount = properties["batch"]["items"]
    properties["id"]["pattern"] = RUNBOOK_NAME
    properties["needs"] = {"type": "array", "items": {"type": "string", "pattern": f"^{_NAME_SOURCE}(@target)?$"}}
    properties["batch"] = {"anyOf": [amount, {"type": "array", "items": amount}]}
    properties["revert"] = dict(_CALL)
    properties["import"] = {"type": "string", "minLength": 1}
    properties["inputs"] = {"type": ["object", "null"]}
    _describe(properties, STEP_HELP)
    written = _action_properties(actions)
    if actions:
        exactly_one: Schema = {"oneOf": [{"required": [name]} for name in ("import", *sorted(actions))]}
    else:
        exactly_one = {}
    return {
        **step,
        "properties": {**properties, **written["properties"]},
        **{key: value for key, value in written.items() if key != "properties"},
        **exactly_one,
        "dependentRequired": {"inputs": ["import"]},
    }


def _action_properties(actions: Mapping[str, type[Params]]) -> Schema:
    """Let each action be a key; without a catalogue, every key with a dot."""
    if not actions:
        any_action = {r"\.": {"type": ["object", "null"]}}
        return {"properties": {}, "patternProperties": any_action, "additionalProperties": False}
    return {
        "properties": {name: {"$ref": f"#/$defs/{name}"} for name in sorted(actions)},
        "additionalProperties": False,
    }


def _action_definitions(name: str, params: type[Params], given: set[str]) -> Schema:
    """Give the definition of an action's parameters, and of the models within them, under names of their own."""
    schema: Schema = params.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}.{{model}}")
    inner: Schema = schema.pop("$defs", {})
    required = [key for key in schema.pop("required", []) if key not in given]
    if required:
        schema["required"] = required
    schema["properties"] = {key: _or_template(value) for key, value in schema.get("properties", {}).items()}
    definitions = {f"{name}.{key}": _with_templates(value) for key, value in inner.items()}
    if not required:
        schema["type"] = ["object", "null"]
    return {name: schema, **definitions}


def _or_template(schema: Schema) -> Schema:
    """Allow an expression in place of a value, outside and within it."""
    inside = _with_templates(schema)
    if _takes_any_text(inside):
        return inside
    about: Schema = {key: inside.pop(key) for key in ("description", "title", "default", "examples") if key in inside}
    return {**about, "anyOf": [inside, _TEMPLATE]}


def _with_templates(schema: Schema) -> Schema:
    """Allow expressions in place of the values within a schema."""
    changed = dict(schema)
    if isinstance(schema.get("properties"), dict):
        changed["properties"] = {key: _or_template(value) for key, value in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            changed[key] = _or_template(schema[key])
    if isinstance(schema.get("prefixItems"), list):
        changed["prefixItems"] = [_or_template(value) for value in schema["prefixItems"]]
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list):
            changed[key] = [_with_templates(value) for value in schema[key]]
    return changed


def _takes_any_text(schema: Schema) -> bool:
    """Tell whether any text is allowed already."""
    if not set(schema) - {"description", "title", "default", "examples"}:
        return True
    if schema.get("type") == "string":
        return not {"pattern", "enum", "const", "format", "maxLength"} & set(schema)
    return any(_takes_any_text(branch) for branch in schema.get("anyOf", []))


def _describe(properties: Schema, texts: Mapping[str, str]) -> None:
    for key, text in texts.items():
        properties[key] = {**properties[key], "description": text}
