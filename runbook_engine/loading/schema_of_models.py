"""Makes the JSON Schemas of team.yml, runbook.toml, cases and inventories; editors show what their docstrings say."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, get_args

import pydantic

from runbook_engine.model.case import CaseFile
from runbook_engine.model.config import Config
from runbook_engine.model.team import Team

# JSON Schema has no better type in Python than this.
Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^ {4}(?P<names>\w+(?:, \w+)*): (?P<text>.*(?:\n {8,}.*)*)", re.MULTILINE)
_VARIABLES = {
    "ansible_host": "The address that it is reached by; the host's name without it.",
    "ansible_port": "Its SSH port.",
    "ansible_user": "Who logs in.",
    "ansible_connection": "ssh, local (this machine) or aws_ssm.",
    "ansible_become": "Run as another user.",
    "ansible_become_user": "That user; root without it.",
    "ansible_ssh_private_key_file": "The key to log in with.",
    "jump_host": "The host to go through.",
    "queue": "Whose workers make the attempts on it.",
    "aws_account": "The account that AWS actions must meet, in 12 digits.",
    "aws_profile": "Profile of the AWS configuration.",
    "aws_config_file": "An AWS configuration to use in place of your own.",
    "runbook_drill": "Of group all: nothing of this inventory is live.",
}


def team_schema() -> Schema:
    """Give the schema (2020-12) of team.yml."""
    return _described(Team)


def cases_schema() -> Schema:
    """Give the schema (2020-12) of a file of cases."""
    return _described(CaseFile)


def config_schema() -> Schema:
    """Give the schema (2020-12) of runbook.toml, for editors that check TOML by one; a day is a text there."""
    schema = _described(Config)
    sandbox = schema["properties"]["sandbox"]
    addresses = {"type": "array", "items": {"type": "string"}}
    schema["properties"]["sandbox"] = {
        "anyOf": [{"$ref": sandbox.pop("$ref")}, addresses],
        "description": sandbox["description"],
    }
    return schema


def inventory_schema() -> Schema:
    """Give the schema (2020-12) of an inventory in YAML: groups of hosts, and the variables that we know by name."""
    variables: Schema = {
        "type": ["object", "null"],
        "properties": {name: {"description": text} for name, text in _VARIABLES.items()},
    }
    group: Schema = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "hosts": {
                "type": ["object", "null"],
                "description": "Names or ranges (web[01:20]), each with its variables.",
                "additionalProperties": {"$ref": "#/$defs/variables"},
            },
            "vars": {"description": "Variables of all hosts below.", "$ref": "#/$defs/variables"},
            "children": {
                "type": ["object", "null"],
                "description": "Groups within this one.",
                "additionalProperties": {"$ref": "#/$defs/group"},
            },
        },
    }
    return {
        "$schema": DRAFT,
        "title": "Inventory",
        "type": ["object", "null"],
        "not": {"required": ["plugin"]},  # settings of a plugin are another kind of file
        "additionalProperties": {"$ref": "#/$defs/group"},
        "$defs": {"group": group, "variables": variables},
    }


def _described(model: type[pydantic.BaseModel]) -> Schema:
    """Give a model's schema, with what its docstring and those of the models within say of each attribute."""
    schema: Schema = model.model_json_schema()
    for found in dict.fromkeys(_models(model)):
        part = schema if found is model else schema["$defs"][found.__name__]
        for name, text in _texts(found).items():
            if name in part.get("properties", {}):
                part["properties"][name]["description"] = text
        part["description"] = cleandoc(found.__doc__ or "").partition("\n\n")[0]
    return {"$schema": DRAFT, **schema}


def _models(model: type[pydantic.BaseModel]) -> Iterator[type[pydantic.BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for found in _within(field.annotation):
            yield from _models(found)


def _within(annotation: object) -> Iterator[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _within(argument)


def _texts(model: type[pydantic.BaseModel]) -> dict[str, str]:
    """Give what docstrings say of each attribute, those of the classes that it extends included."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        _, _, listed = cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")
        for attribute in _ATTRIBUTE.finditer(listed):
            text = " ".join(attribute["text"].split())
            found |= dict.fromkeys(attribute["names"].split(", "), f"{text[:1].upper()}{text[1:]}")
    return found
