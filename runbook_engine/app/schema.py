"""The use case `schema`: the JSON Schema of runbook files, with every action that is installed."""

from typing import Any

from runbook_engine.loading.json_schema import runbook_schema
from runbook_engine.loading.schema_of_models import cases_schema, config_schema, inventory_schema, team_schema
from runbook_engine.ports.catalog import Catalog

OTHERS = {"team": team_schema, "cases": cases_schema, "config": config_schema, "inventory": inventory_schema}
"""What makes the schema of each other kind of file of a project."""
_BARE: dict[str, Any] = {"type": "string", "description": "An expression without braces: count > 3"}


def schema_of(catalog: Catalog) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of runbooks as users write them."""
    actions = {name: action for name in catalog.names() if (action := catalog.get(name)) is not None}
    schema = runbook_schema({name: action.Params for name, action in actions.items()})
    for name, action in actions.items():
        properties = schema["$defs"][name]["properties"]
        for parameter in action.expressions:
            properties[parameter] = _or_bare(properties[parameter])
    return schema


def _or_bare(parameter: dict[str, Any]) -> dict[str, Any]:
    """Allow bare expressions where the engine evaluates them: in place of the value, or of a list's items."""
    shapes = [
        {**shape, "items": {"anyOf": [shape["items"], _BARE]}} if "items" in shape else shape
        for shape in parameter.get("anyOf", [])
    ]
    return {**parameter, "anyOf": [*shapes, _BARE]}
