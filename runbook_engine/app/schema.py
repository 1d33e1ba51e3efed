"""The use case `schema`: the JSON Schema of runbook files, with every action that is installed."""

from runbook_engine.loading.json_schema import runbook_schema
from runbook_engine.model.json import JsonObject
from runbook_engine.ports.action import Catalog


def schema_of(catalog: Catalog) -> JsonObject:
    """Give the JSON Schema (2020-12) of runbooks as users write them."""
    actions = {name: action.Params for name in catalog.names() if (action := catalog.get(name)) is not None}
    return runbook_schema(actions)
